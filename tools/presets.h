// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "vdd/config/schema.h"
#include "vdd/config/writer.h"

namespace vdd::tools {

/// A program that is steered by a config file.
struct ConfigKind {
  std::string program;
  std::string file_prefix;  ///< of the names of its config files
  std::function<config::Leaves(const std::filesystem::path&, std::span<const std::string>)> leaves;
  std::function<std::string(const std::filesystem::path&, std::span<const std::string>)> resolve;
  config::Section (*schema)();  ///< of its config, with the defaults
};

const std::vector<ConfigKind>& config_kinds();
/// The kind of a file: by its name, or else the first that reads it without an error; the very
/// first if none does.
const ConfigKind& kind_of(const std::filesystem::path& file);

/// The `configs` folder beside the programs: of the source tree, or of the installation. Throws
/// ConfigError.
std::filesystem::path preset_folder();
/// `name` itself if it is a file, else the preset of that name. Throws ConfigError with the nearest
/// name.
std::filesystem::path find_config(const std::string& name);
/// Names of all presets, sorted: "tiny/stage1_deterministic".
std::vector<std::string> preset_names();

}  // namespace vdd::tools
