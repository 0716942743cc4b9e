// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "vdd/core/error.h"
#include "vdd/sweep/plan.h"

// `vdd sweep`: trains what is not trained, scores what is not scored, times what is not timed.
//   <output>/cells/<program>-<hash>/   a training run, finished once it holds cell.json
//   <output>/scores/<hash>.json        as `vdd eval --output` writes it
//   <output>/times/<hash>.json         as `vdd bench --json` prints it
//   <output>/teacher_cache/            shared by all runs
//   <output>/<table>.{md,tex,csv,json}
//   <output>/sweep.log
namespace vdd::sweep {

struct SweepOptions {
  std::filesystem::path output;
  bool table_only = false;  ///< trains, scores and times nothing
};

/// Makes the plans of some files under one output folder, with everything identified. Throws
/// ConfigError also if two files have one name.
std::vector<Plan> make_plans(const std::vector<std::filesystem::path>& files,
                             const std::vector<std::string>& overrides,
                             const std::vector<std::string>& set,
                             const std::filesystem::path& output);

/// Describes each run, where it lies and what is there, in Markdown for people.
std::string describe(const std::vector<Plan>& plans, const std::filesystem::path& output);

struct SweepResult {
  ExitCode exit = ExitCode::kDone;  ///< kFailed if a run failed, or why it stopped early
  std::string tables;               ///< Markdown
  std::int64_t runs = 0, failed = 0;
};

/// Carries the plans out and writes their tables, whatever became of the runs. A run that fails is
/// logged as an error and tried again by the next sweep; so is a stopped one, which goes on where
/// it was.
SweepResult sweep(const std::vector<Plan>& plans, const SweepOptions& options);

}  // namespace vdd::sweep
