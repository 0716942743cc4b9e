// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "vdd/config/writer.h"
#include "vdd/report/chart.h"

namespace vdd::report {

/// What a run folder says about its run; docs/run-folder.md describes the files. Whatever is not
/// there yet is empty.
struct RunRecord {
  std::string name;  ///< name of the folder
  std::string program, version, device, data_hash;
  config::Leaves config;
  std::string config_text, manifest_text;

  /// Every number of metrics.jsonl by name, in order of first appearance: those of updates, those
  /// of validations, and those of timing.jsonl.
  std::vector<Curve> training, validation, timing;
  std::int64_t updates = 0, samples = 0;
  std::int64_t dropped = 0;  ///< updates that were left out, for gradients that were not finite
  std::int64_t bad_samples = 0;
  std::int64_t damaged_lines = 0;  ///< lines of the logs that were left out

  std::vector<std::filesystem::path> pictures;  ///< pictures of the newest validation, by name
};

/// Finds the curve called `name`; null if there is none.
const Curve* find_curve(const std::vector<Curve>& curves, std::string_view name);

/// Reads a run folder, also one that a training is writing to. A damaged line of a log is left out
/// and counted. Throws DataError if the folder holds no run, or a file cannot be read.
RunRecord read_run(const std::filesystem::path& folder);

}  // namespace vdd::report
