// SPDX-License-Identifier: Apache-2.0
#include "presets.h"

#include <algorithm>

#include "vdd/config/reader.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"
#include "vdd/programs/training_programs.h"
#include "vdd/sweep/plan.h"

namespace vdd::tools {
namespace {

namespace fs = std::filesystem;

using Overrides = std::span<const std::string>;

ConfigKind kind_of_training(const programs::TrainingProgram& program) {
  return {.program = program.name,
          .file_prefix = program.file_prefix,
          .leaves = [&](const fs::path& f, Overrides o) { return program.load(f, o)->leaves(); },
          .resolve = [&](const fs::path& f, Overrides o) { return program.load(f, o)->yaml(); },
          .schema = program.schema};
}

/// A table is good if the configs of its rows are.
ConfigKind kind_of_table() {
  const auto load = [](const fs::path& f, Overrides o) {
    return config::load<sweep::SweepConfig>(f, o);
  };
  return {
      .program = "vdd sweep",
      .file_prefix = "table",
      .leaves = [load](const fs::path& f, Overrides o) { return config::to_leaves(load(f, o)); },
      .resolve = [](const fs::path& f,
                    Overrides o) { return config::to_yaml(sweep::load_plan(f, o).config); },
      .schema = config::schema_of<sweep::SweepConfig>};
}

}  // namespace

const std::vector<ConfigKind>& config_kinds() {
  static const std::vector<ConfigKind> kinds = [] {
    std::vector<ConfigKind> all;
    for (const auto& program : programs::training_programs())
      all.push_back(kind_of_training(program));
    all.push_back(kind_of_table());
    return all;
  }();
  return kinds;
}

const ConfigKind& kind_of(const fs::path& file) {
  std::string name = file.filename().string();
  // A step of a recipe has a number before its name: "05_train_teacher.yaml".
  if (const auto end = name.find('_'); parse_int(name.substr(0, end))) name.erase(0, end + 1);
  for (const ConfigKind& kind : config_kinds()) {
    if (name.starts_with(kind.file_prefix)) return kind;
  }
  for (const ConfigKind& kind : config_kinds()) {
    try {
      kind.leaves(file, {});
      return kind;
    } catch (const ConfigError&) {  // of another kind, or of none
    }
  }
  return config_kinds().front();
}

fs::path preset_folder() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  for (fs::path folder = program.parent_path(); folder.has_relative_path();
       folder = folder.parent_path()) {
    for (const char* name : {"share/vdd/configs", "configs"}) {
      if (fs::is_directory(folder / name / "tiny", error)) return folder / name;
    }
  }
  throw ConfigError(concat("no configs folder beside ", escape(program.string())));
}

std::vector<std::string> preset_names() {
  const fs::path root = preset_folder();
  std::vector<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (entry.is_regular_file() && entry.path().extension() == ".yaml") {
      names.push_back(entry.path().lexically_relative(root).replace_extension().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

fs::path find_config(const std::string& name) {
  if (std::error_code unknown; fs::exists(name, unknown) || name.ends_with(".yaml")) return name;
  const std::vector<std::string> names = preset_names();
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    throw ConfigError(concat(escape(name), ": no such file or preset", did_you_mean(name, names)));
  }
  return preset_folder() / (name + ".yaml");
}

}  // namespace vdd::tools
