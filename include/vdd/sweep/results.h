// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vdd/bench/stage_bench.h"
#include "vdd/eval/result.h"
#include "vdd/sweep/plan.h"
#include "vdd/sweep/table.h"

// What a table's runs came to.
namespace vdd::sweep {

struct RunResult {
  std::string error = {};  ///< why it failed
  /// Scores of each evaluation; nothing as long as it was not made.
  std::vector<std::optional<eval::EvalResult>> scores = {};
};

/// Makes the table of a plan. Results are in the order of plan.runs; `times` names its models as
/// the rows. Throws ConfigError if results of one evaluation were not computed alike
/// (eval::difference()).
Table make_table(const Plan& plan, const std::vector<RunResult>& results,
                 const std::optional<bench::StageBench>& times);

/// What stands behind a row with one seed.
struct RowRecord {
  std::string row = {};
  std::int64_t seed = 0;
  std::string folder = {};
  std::string hash = {};
  std::vector<std::string> key = {};
  std::string error = {};
  std::vector<std::string> scores = {};
  std::vector<std::string> model_hashes = {};

  constexpr void fields(auto& f) {
    f("row", row, "name of the row");
    f("seed", seed, "seed of training and noise");
    f("folder", folder, "folder of the training run or model");
    f("hash", hash, "SHA-256 of the key");
    f("key", key, "name=value: all that determines the model");
    f("error", error, "why it failed; empty: it did not");
    f("scores", scores, "files, one for each evaluation; empty: not made");
    f("model_hashes", model_hashes, "content of the model that each was made with");
  }
};

/// A table's JSON file.
struct SweepRecord {
  std::int64_t format = 1;
  std::string version = {};
  SweepConfig config = {};
  std::vector<RowRecord> runs = {};
  std::vector<bench::StageCost> times = {};

  constexpr void fields(auto& f) {
    f("format", format, "version of this file's format", in_range(1, 1));
    f("version", version, "version of vdd");
    f("config", config, "resolved config of the table");
    f("runs", runs, "seed by seed, in each the rows from top to bottom");
    f("times", times, "times measured as by `vdd bench`");
  }
};

SweepRecord make_record(const Plan& plan, const std::vector<RunResult>& results,
                        const std::optional<bench::StageBench>& times,
                        const std::filesystem::path& output);

}  // namespace vdd::sweep
