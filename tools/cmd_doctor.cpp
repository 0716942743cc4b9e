// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <memory>
#include <optional>

#include "presets.h"
#include "program.h"
#include "vdd/core/error.h"
#include "vdd/core/folders.h"
#include "vdd/core/text.h"
#include "vdd/data/doctor.h"
#include "vdd/pipeline/doctor.h"
#include "vdd/programs/doctor.h"
#include "vdd/run/run_dir.h"

namespace vdd::tools {
namespace {

namespace fs = std::filesystem;

std::string check_config(const fs::path& file) {
  if (file.extension() == ".json") return pipeline::check_model_config(file);
  const ConfigKind& kind = kind_of(file);
  kind.leaves(file, {});  // refuses it
  return "config of " + kind.program;
}

struct Role {
  std::string name;
  std::string (*check)(const fs::path&);  ///< throws, or returns a line about what it found
  std::vector<std::string> globs;  ///< file names it is guessed from; the first role that fits
};

const std::vector<Role>& roles() {
  static const std::vector<Role> all = {
      {"weights_index", pipeline::check_weights_index, {"*.safetensors.index*.json"}},
      {"weights", pipeline::check_weights, {"*.safetensors", "*.bin", "*.pt", "*.pth", "*.ckpt"}},
      {"config", check_config, {"*.yaml", "*.yml", "config.json"}},
      {"depth_png16", data::check_depth_png16, {"depth*.png"}},
      {"depth_hdf5", data::check_depth_hdf5, {"*.hdf5", "*.h5"}},
      {"depth_dpt", data::check_depth_dpt, {"*.dpt"}},
      {"image_rgb", data::check_image_rgb, {"*.jpg", "*.jpeg", "*.png"}},
      {"split_csv", data::check_split_csv, {"*.csv"}},
      {"vkitti_intrinsic", data::check_vkitti_intrinsic, {"intrinsic*.txt"}},
      {"vkitti_extrinsic", data::check_vkitti_extrinsic, {"extrinsic*.txt"}},
      {"data",
       data::check_data_set,
       {"*.mp4", "*.mov", "*.mkv", "*.avi", "*.webm", "*.m4v"}},  // one video
      {"model", pipeline::check_model_folder, {}},
      {"run", programs::check_run, {}},
  };
  return all;
}

const Role& named(const std::string& name) {
  std::vector<std::string> names;
  for (const Role& role : roles()) {
    if (role.name == name) return role;
    names.push_back(role.name);
  }
  throw ConfigError(
      concat("--as ", escape(name), ": is none of ", join(names, ", "), did_you_mean(name, names)));
}

const Role& guessed(const fs::path& path) {
  if (!path_exists(path)) throw DataError(path, "no such file or folder");
  if (is_folder(path)) {
    return named(run::is_run_dir(path) ? "run" : data::holds_data_set(path) ? "data" : "model");
  }
  for (const Role& role : roles()) {
    for (const std::string& glob : role.globs) {
      if (glob_match(glob, path.filename().string())) return role;
    }
  }
  throw DataError(path, "its kind cannot be told from its name; use --as");
}

/// Checks all, reports all; the exit code is that of the first refusal.
void examine(const std::vector<fs::path>& paths, const std::string& as) {
  std::vector<std::string> refusals;
  std::optional<ExitCode> code;
  for (const fs::path& path : paths) {
    try {
      const Role& role = as.empty() ? guessed(path) : named(as);
      const std::string found = role.check(path);
      std::cout << shown(path) << ": ok, " << found << '\n';
    } catch (const Error& e) {
      refusals.emplace_back(e.what());
      code = code.value_or(e.code());
    }
  }
  if (code) throw Error(join(refusals, "\n"), *code);
}

}  // namespace

void add_doctor(CLI::App& vdd) {
  struct Options {
    std::vector<fs::path> paths;
    std::string as;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = vdd.add_subcommand(
      "doctor", "check whether vdd can read files, data sets, model folders and run folders");
  command->add_option("path", options->paths, "files and folders to check")->required();
  command->add_option("--as", options->as, "kind of the files and folders [guessed from the name]");
  command->callback([options] { examine(options->paths, options->as); });
}

}  // namespace vdd::tools
