// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "vdd/config/schema.h"
#include "vdd/distill/distillation.h"
#include "vdd/train/training.h"

// The programs that train, in one table: presets, `vdd doctor`, `vdd cache`, sweeps and the
// programs themselves read it.
namespace vdd::programs {

struct TrainingProgram {
  std::string name;         ///< "distill_unet", "vdd train-vae"
  std::string about;        ///< what it does, for its --help
  std::string file_prefix;  ///< of the names of its config files: "stage1"
  bool distils;             ///< its Training is a Distillation
  /// Reads a config file and `key.sub=value` settings over it. Throws ConfigError.
  std::unique_ptr<train::Training> (*load)(const std::filesystem::path& file,
                                           std::span<const std::string> overrides);
  config::Section (*schema)();  ///< of its config, with the defaults
};

const std::vector<TrainingProgram>& training_programs();

/// Throws ConfigError if there is no program of this name.
const TrainingProgram& training_program(const std::string& name);

/// Names the programs that distil.
std::vector<std::string> distillation_names();
/// Loads a config of the program `name`, which must distil. Throws ConfigError.
std::unique_ptr<distill::Distillation> load_distillation(const std::string& name,
                                                         const std::filesystem::path& file,
                                                         std::span<const std::string> overrides);

}  // namespace vdd::programs
