// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "vdd/core/error.h"
#include "vdd/run/run_dir.h"
#include "vdd/train/training.h"

// The start of every training, and of what works on the same clips and models.
namespace vdd::train {

/// Options of a training program besides its config.
struct RunOptions {
  std::filesystem::path output_dir;
  bool resume = false;
  bool overwrite = false;
  bool dry_run = false;  ///< build everything, audit, write nothing
};

/// Opens the run folder and trains. Returns kDone, kResumable or kInterrupted; throws as the parts
/// do. Models, data and options are checked before anything is written.
ExitCode start(Training& training, const RunOptions& options);

/// Facts that are known before a run folder is there.
struct Prepared {
  torch::Device device = torch::kCPU;
  std::shared_ptr<data::ClipDataset> clips;  ///< of the training
};

/// Sets threads and device, resolves the config, checks the models it names and opens its data set.
/// Writes nothing. Throws ConfigError, DataError.
Prepared prepare(Training& training);

/// "<key>: <before> -> <now>" for each key that differs and fits none of the `free` patterns.
std::vector<std::string> config_changes(const config::Leaves& before, const config::Leaves& now,
                                        std::span<const std::string> free);

/// Lists the files and folders that a config names and that are there; for a pattern, the folder
/// above it.
std::vector<std::filesystem::path> named_paths(const config::Section& section);

/// Opens the run folder, sends the log there and writes the config into it. Throws ConfigError if a
/// run goes on with other values of keys that are not free, naming each.
std::unique_ptr<run::RunDir> open_run(Training& training, const RunOptions& options);

}  // namespace vdd::train
