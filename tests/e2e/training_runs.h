// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "support/run_and_signal.h"
#include "support/temp_dir.h"

// Runs of training programs, and what they must agree in.
namespace vdd::test {

/// Every file of the run's logs and checkpoints that the config determines, by name.
inline std::map<std::string, std::string> results(const std::filesystem::path& run) {
  namespace fs = std::filesystem;
  std::map<std::string, std::string> files;
  for (const char* name : {"metrics.jsonl", "metrics.csv"}) files[name] = content(run / name);
  for (const auto& entry : fs::recursive_directory_iterator(run / "checkpoints")) {
    if (entry.is_regular_file() && !entry.is_symlink()) {
      files[entry.path().lexically_relative(run)] = content(entry.path());
    }
  }
  return files;
}

/// With `other_settings` the text of the config, which checkpoints keep, may differ.
inline void expect_same(const std::filesystem::path& a, const std::filesystem::path& b,
                        bool other_settings = false) {
  const auto one = results(a), other = results(b);
  EXPECT_GT(one.size(), 10U);
  for (const auto& [name, bytes] : one) {
    const auto it = other.find(name);
    ASSERT_NE(it, other.end()) << name;
    if (other_settings && (name.ends_with("vdd.json") || name.ends_with("complete.json"))) continue;
    EXPECT_TRUE(bytes == it->second) << name << " differs";
  }
  EXPECT_EQ(one.size(), other.size());
}

/// Starts a training program with the arguments `words`, its run folder being `run`, and sends
/// `signal` once metrics.jsonl has `lines` lines. Returns its end.
inline int run_and_signal(const std::string& program, const std::vector<std::string>& words,
                          const std::filesystem::path& run, int signal, int lines) {
  const auto ready = [&] {
    const std::filesystem::path metrics = run / "metrics.jsonl";
    const std::string log = std::filesystem::exists(metrics) ? content(metrics) : "";
    return std::count(log.begin(), log.end(), '\n') >= lines;
  };
  return run_and_signal(program, words, signal, ready, run.string() + ".err");
}

/// The losses in a run's log, in the order of its updates.
inline std::vector<double> losses(const std::filesystem::path& run) {
  std::ifstream in(run / "metrics.jsonl");
  std::vector<double> found;
  for (std::string line; std::getline(in, line);) {
    const std::size_t at = line.find("\"loss\": ");
    if (at != std::string::npos) found.push_back(std::stod(line.substr(at + 8)));
  }
  return found;
}

}  // namespace vdd::test
