// SPDX-License-Identifier: Apache-2.0
#include "presets.h"

#include <algorithm>

#include "vdd/config/markdown.h"
#include "vdd/config/reader.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"
#include "vdd/sweep/plan.h"
#include "vdd/train/distill_decoder_config.h"
#include "vdd/train/distill_unet_config.h"
#include "vdd/train/train_teacher_config.h"
#include "vdd/train/train_vae_config.h"

namespace vdd::tools {
namespace {

namespace fs = std::filesystem;

template <typename T>
ConfigKind kind(const char* program, const char* file_prefix) {
  using Overrides = std::span<const std::string>;
  return {.program = program,
          .file_prefix = file_prefix,
          .leaves = [](const fs::path& f,
                       Overrides o) { return config::to_leaves(config::load<T>(f, o)); },
          .resolve = [](const fs::path& f,
                        Overrides o) { return config::to_yaml(config::load<T>(f, o)); },
          .documentation = [program] { return config::to_markdown<T>(program); }};
}

/// A table is good if the configs of its rows are.
ConfigKind table_kind() {
  ConfigKind table = kind<sweep::SweepConfig>("vdd sweep", "table");
  table.resolve = [](const fs::path& f, std::span<const std::string> o) {
    return config::to_yaml(sweep::load_plan(f, o).config);
  };
  return table;
}

}  // namespace

const std::vector<ConfigKind>& config_kinds() {
  static const std::vector<ConfigKind> kinds = {
      kind<train::DistillUnetConfig>("distill_unet", "stage1"),
      kind<train::DistillDecoderConfig>("distill_decoder", "stage2"),
      kind<train::TrainTeacherConfig>("vdd train-teacher", "train_teacher"),
      kind<train::TrainVaeConfig>("vdd train-vae", "train_vae"), table_kind()};
  return kinds;
}

const ConfigKind& kind_of(const fs::path& file) {
  for (const ConfigKind& kind : config_kinds()) {
    if (file.filename().string().starts_with(kind.file_prefix)) return kind;
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
