// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/types.h>

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "vdd/config/reader.h"
#include "vdd/config/writer.h"
#include "vdd/core/error.h"
#include "vdd/core/folders.h"
#include "vdd/core/log.h"
#include "vdd/core/text.h"
#include "vdd/train/run_dir.h"
#include "vdd/train/train_config.h"

// What every training program does before it trains.
namespace vdd::train {

/// What a training program is told besides its config.
struct RunOptions {
  std::filesystem::path output_dir;
  bool resume = false;
  bool overwrite = false;
  bool dry_run = false;  ///< build everything, audit, write nothing
};

/// The torch device of "cpu", "cuda" or "cuda:N". Throws ConfigError if this machine has none.
torch::Device parse_device(const std::string& name);

/// Sets the number of threads (resolving 0 to what this process may use) and asks for deterministic
/// kernels. Returns the device.
torch::Device configure_torch(TrainConfig& config);

/// "<key>: <before> -> <now>" for each key that differs and fits none of the `free` patterns.
std::vector<std::string> config_changes(const config::Leaves& before, const config::Leaves& now,
                                        std::span<const std::string> free);

/// Collects what a config names that is there: files and folders, of a pattern the folder above it.
class NamedPaths {
 public:
  template <typename T>
  void operator()(const char*, T& value, const auto&...) {
    visit(value);
  }
  const std::vector<std::filesystem::path>& found() const { return found_; }

 private:
  template <typename T>
  void visit(T& value) {
    if constexpr (requires { value.fields(*this); }) {
      value.fields(*this);
    } else if constexpr (std::is_same_v<T, std::string>) {
      add(value);
    } else if constexpr (requires { value.has_value(); }) {
      if (value) visit(*value);
    } else if constexpr (requires { value.begin(); }) {
      for (auto& item : value) visit(item);
    }
  }
  void add(std::filesystem::path path);

  std::vector<std::filesystem::path> found_;
};

/// Opens the run folder, sends the log there and writes the config into it. Throws ConfigError if a
/// run goes on with other values of keys that are not `free`, naming each.
template <typename Config>
std::unique_ptr<RunDir> open_run(Config config, const RunOptions& options,
                                 std::span<const std::string> free) {
  const RunMode mode = options.resume      ? RunMode::kResume
                       : options.overwrite ? RunMode::kOverwrite
                                           : RunMode::kNew;
  NamedPaths inputs;
  config.fields(inputs);
  auto run = std::make_unique<RunDir>(options.output_dir, mode, inputs.found());
  if (options.resume && path_exists(run->config())) {
    auto before = config::load<Config>(run->config());
    if (before.train.threads != config.train.threads ||
        before.train.device != config.train.device) {
      log::warning("train", "other threads or device than before: the last bits may differ");
    }
    const auto changes = config_changes(config::to_leaves(before), config::to_leaves(config), free);
    if (!changes.empty()) {
      throw ConfigError(concat(run->config().string(), ": a resumed run cannot change\n  ",
                               join(changes, "\n  ")));
    }
  }
  log::add_file(run->log());
  run->write_config(config::to_yaml(config));
  return run;
}

}  // namespace vdd::train
