// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "vdd/config/reader.h"
#include "vdd/config/writer.h"
#include "vdd/data/dataset.h"
#include "vdd/pipeline/model_folder.h"
#include "vdd/train/task.h"
#include "vdd/train/training_config.h"
#include "vdd/train/validation.h"

namespace vdd::train {

/// Everything that a task is made from, besides its config.
struct Setup {
  std::filesystem::path folder = {};  ///< for weights that are made for the run: <folder>/teacher
  std::filesystem::path cache = {};   ///< folder of a frozen model's answers; empty: none
  std::shared_ptr<data::ClipDataset> training = {};
  ValidationData validation = {};
  pipeline::Provenance provenance = {};  ///< of the model, but for step and teacher
  torch::Device device = torch::kCPU;
};

/// One training program with its config: all in which trainings differ before they run.
class Training {
 public:
  virtual ~Training() = default;

  virtual std::string program() const = 0;  ///< "distill_unet", "vdd train-vae"
  virtual TrainingConfig& config() = 0;
  virtual const TrainingConfig& config() const = 0;
  /// Lists the whole config; points into this object.
  virtual config::Section section() = 0;
  /// The whole config as YAML, and as dotted keys with their values.
  virtual std::string yaml() const = 0;
  virtual config::Leaves leaves() const = 0;
  /// Reads a config file of this program. Throws ConfigError.
  virtual config::Leaves leaves_of(const std::filesystem::path& file) const = 0;

  /// Keys, as patterns, that a resumed run may change, because nothing that it computes depends on
  /// them; besides those of any program.
  virtual std::vector<std::string> free_keys() const = 0;
  /// Makes explicit what depends on other keys.
  virtual void resolve() { train::resolve(config()); }
  /// Throws what is wrong with the weights that the config names, before anything is written.
  virtual void check_inputs() const = 0;
  /// Throws DataError, ConfigError.
  virtual std::unique_ptr<Task> make_task(Setup setup) const = 0;
};

/// The part of a Training, or of a `Base` derived from it, that follows from the type of its
/// config.
template <typename Config, typename Base = Training>
class ConfiguredTraining : public Base {
 public:
  explicit ConfiguredTraining(Config config) : config_(std::move(config)) {}

  Config& config() override { return config_; }
  const Config& config() const override { return config_; }
  config::Section section() override { return config::describe(config_); }
  std::string yaml() const override { return config::to_yaml(config_); }
  config::Leaves leaves() const override { return config::to_leaves(config_); }
  config::Leaves leaves_of(const std::filesystem::path& file) const override {
    return config::to_leaves(config::load<Config>(file));
  }

 protected:
  Config config_;
};

/// Lists all keys that a resumed run of `training` may change: its own, and those of any program
/// (where things lie, how long and how fast it goes, how it is validated).
std::vector<std::string> all_free_keys(const Training& training);

}  // namespace vdd::train
