// SPDX-License-Identifier: Apache-2.0
#include "vdd/report/run_record.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_map>

#include "vdd/config/leaves.h"
#include "vdd/core/error.h"
#include "vdd/core/files.h"
#include "vdd/core/folders.h"
#include "vdd/core/json.h"
#include "vdd/core/text.h"

namespace vdd::report {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::json;

/// Takes the scalars of one log line. A document tree of the whole line would cost several times as
/// much: most of a line are lists of names and hashes.
class LineReader final : public nlohmann::json_sax<Json> {
 public:
  std::vector<std::pair<std::string, double>> values;
  std::int64_t samples = 0;
  bool dropped = false;

  bool read(std::string_view line) {
    values.clear();
    samples = depth_ = 0;
    dropped = false;
    return !line.empty() && line.front() == '{' && Json::sax_parse(line, this);
  }

  bool null() override { return true; }
  bool boolean(bool value) override {
    dropped |= value && depth_ == 1 && key_ == "dropped";
    return true;
  }
  bool number_integer(number_integer_t value) override {
    return number(static_cast<double>(value));
  }
  bool number_unsigned(number_unsigned_t value) override {
    return number(static_cast<double>(value));
  }
  bool number_float(number_float_t value, const string_t&) override { return number(value); }
  bool string(string_t& text) override {
    constexpr double kInf = std::numeric_limits<double>::infinity();
    if (text == "nan") return number(std::numeric_limits<double>::quiet_NaN());
    if (text == "inf") return number(kInf);
    if (text == "-inf") return number(-kInf);
    return true;
  }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return ++depth_ > 0; }
  bool end_object() override { return --depth_ >= 0; }
  bool start_array(std::size_t) override { return ++depth_ > 0; }
  bool end_array() override { return --depth_ >= 0; }
  bool key(string_t& name) override {
    if (depth_ == 1) key_ = name;
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

 private:
  bool number(double value) {
    if (depth_ == 1) values.emplace_back(key_, value);
    if (depth_ == 2 && key_ == "samples") ++samples;
    return true;
  }

  std::int64_t depth_ = 0;
  std::string key_;
};

/// A number of things: no smaller than 0, and far from where doubles leave integers out.
bool is_count(double value) {
  return value >= 0 && value < 1e15;
}

/// Curves by name, in order of first appearance.
class Curves {
 public:
  explicit Curves(std::vector<Curve>& out) : out_(out) {}

  void add(const std::string& name, double step, double value) {
    const auto [it, is_new] = places_.try_emplace(name, out_.size());
    if (is_new) out_.push_back({.name = name, .points = {}});
    out_[it->second].points.push_back({step, value});
  }

 private:
  std::vector<Curve>& out_;
  std::unordered_map<std::string, std::size_t> places_;
};

/// Calls `use(reader, step)` for each whole line; returns how many are damaged. The last line may
/// be under way, and is not counted.
template <typename Use>
std::int64_t for_each_line(const fs::path& file, Use use) {
  if (!path_exists(file)) return 0;
  LineReader reader;
  std::int64_t damaged = 0;
  read_lines(file, [&](std::int64_t, std::string_view line) {
    const bool whole = reader.read(line) && !reader.values.empty();
    if (whole && reader.values.front().first == "step" && is_count(reader.values.front().second)) {
      use(reader, reader.values.front().second);
    } else {
      ++damaged;
    }
  });
  return damaged;
}

void read_logs(const fs::path& folder, RunRecord& run) {
  Curves training(run.training), validation(run.validation), timing(run.timing);
  run.damaged_lines += for_each_line(folder / "metrics.jsonl", [&](const auto& line, double step) {
    run.updates = std::max(run.updates, static_cast<std::int64_t>(step));
    run.samples += line.samples;
    run.dropped += line.dropped;
    for (const auto& [name, value] : line.values) {
      if (name == "step") continue;
      if (name == "bad_samples" && is_count(value))
        run.bad_samples += static_cast<std::int64_t>(value);
      (name.starts_with("valid/") ? validation : training).add(name, step, value);
    }
  });
  run.damaged_lines += for_each_line(folder / "timing.jsonl", [&](const auto& line, double step) {
    for (const auto& [name, value] : line.values) {
      if (name != "step") timing.add(name, step, value);
    }
  });
}

void read_manifest(const fs::path& file, RunRecord& run) {
  if (!path_exists(file)) return;
  run.manifest_text = read_file(file, 16 << 20);
  const nlohmann::ordered_json manifest = parse_json(run.manifest_text);
  if (!manifest.is_object()) return;
  const auto text = [&](const char* key) {
    const auto value = manifest.find(key);
    return value != manifest.end() && value->is_string() ? value->get<std::string>() : "";
  };
  run.program = text("program");
  run.version = text("version");
  run.device = text("device");
  run.data_hash = text("data_hash");
}

/// Lists samples/step-<number>-<name>.png of the largest step.
std::vector<fs::path> newest_pictures(const fs::path& folder) {
  std::vector<fs::path> pictures;
  long long newest = -1;
  if (!is_folder(folder)) return pictures;
  for (const std::string& name : list_names(folder)) {
    const auto parts = split(name, '-');
    if (parts.size() < 3 || parts[0] != "step" || !name.ends_with(".png")) continue;
    const auto digits = std::min(parts[1].find_first_not_of('0'), parts[1].size() - 1);
    const auto step = parts[1].empty() ? std::nullopt : parse_int(parts[1].substr(digits));
    if (!step || *step < newest || !is_file(folder / name)) continue;
    if (*step > newest) pictures.clear();
    newest = *step;
    pictures.push_back(folder / name);
  }
  return pictures;
}

}  // namespace

const Curve* find_curve(const std::vector<Curve>& curves, std::string_view name) {
  const auto it = std::ranges::find(curves, name, &Curve::name);
  return it == curves.end() ? nullptr : &*it;
}

RunRecord read_run(const fs::path& folder) {
  if (!is_folder(folder)) throw DataError(folder, "no such folder");
  const fs::path config = folder / "config.resolved.yaml";
  if (!path_exists(config)) throw DataError(folder, "holds no run: no config.resolved.yaml");
  RunRecord run;
  run.name = real_path(folder).filename().string();
  run.config_text = read_file(config, 1 << 20);
  run.config = config::read_leaves(config);
  read_manifest(folder / "manifest.json", run);
  read_logs(folder, run);
  run.pictures = newest_pictures(folder / "samples");
  return run;
}

}  // namespace vdd::report
