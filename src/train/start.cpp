// SPDX-License-Identifier: Apache-2.0
#include "vdd/train/start.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include "vdd/core/folders.h"
#include "vdd/core/hash.h"
#include "vdd/core/log.h"
#include "vdd/core/staged_folder.h"
#include "vdd/core/system.h"
#include "vdd/core/text.h"
#include "vdd/tensor/device.h"
#include "vdd/train/trainer.h"

namespace vdd::train {
namespace fs = std::filesystem;
namespace {

torch::Device configure(TrainConfig& config) try {
  tensor::ComputeConfig compute{
      .device = config.device, .threads = config.threads, .parallel = config.parallel};
  const torch::Device device = tensor::configure_torch(compute);
  config.threads = compute.threads;
  return device;
} catch (const ConfigError& e) {
  throw ConfigError(concat("train.", e.what()));
}

fs::path cache_folder(const CacheConfig& config, const fs::path& run) {
  if (!config.enabled) return {};
  return config.dir.empty() ? run / "teacher_cache" : fs::path(config.dir);
}

std::map<std::string, std::string> hashes_by_part(const Task& task) {
  std::map<std::string, std::string> hashes;
  for (const InputWeights& weights : task.input_weights()) hashes[weights.part] = weights.hash;
  return hashes;
}

/// Adds the strings of a config to `found`.
void collect_strings(const config::Section& section, std::vector<std::string>& found) {
  for (const config::Field& field : section.fields) {
    if (const auto* part = std::get_if<config::Section>(&field.value)) {
      collect_strings(*part, found);
    } else if (const auto* list = std::get_if<config::SectionList>(&field.value)) {
      for (const config::Section& element : list->elements()) collect_strings(element, found);
    } else if (const auto* text = std::get_if<std::string*>(&field.value)) {
      found.push_back(**text);
    } else if (const auto* maybe = std::get_if<std::optional<std::string>*>(&field.value)) {
      if (**maybe) found.push_back(***maybe);
    } else if (const auto* texts = std::get_if<std::vector<std::string>*>(&field.value)) {
      found.insert(found.end(), (*texts)->begin(), (*texts)->end());
    }
  }
}

std::string leaf(const config::Leaves& leaves, std::string_view key) {
  const auto it = std::ranges::find(leaves, key, &config::Leaves::value_type::first);
  return it == leaves.end() ? "" : it->second;
}

/// Reads the first sample of several frames, if one comes soon. A single frame gives attention over
/// time nothing to choose from, and so no gradient.
data::Clip clip_to_audit(data::ClipDataset& clips, std::uint64_t seed) {
  const std::int64_t tries = clips.config().frames > 1 ? 100 : 1;
  data::Clip clip = clips.load(seed, 0);
  for (std::int64_t n = 1; n < tries && clip.frames == 1; ++n) clip = clips.load(seed, n);
  return clip;
}

/// Throws ConfigError if `training` may not go on with the run whose config is `file`.
void check_changes(const Training& training, const fs::path& file) {
  const config::Leaves before = training.leaves_of(file), now = training.leaves();
  for (const char* key : {"train.threads", "train.device"}) {
    if (leaf(before, key) == leaf(now, key)) continue;
    log::warning("train", "other threads or device than before: the last bits may differ");
    break;
  }
  const auto changes = config_changes(before, now, all_free_keys(training));
  if (changes.empty()) return;
  throw ConfigError(
      concat(file.string(), ": a resumed run cannot change\n  ", join(changes, "\n  ")));
}

}  // namespace

std::vector<std::string> config_changes(const config::Leaves& before, const config::Leaves& now,
                                        std::span<const std::string> free) {
  std::map<std::string, std::array<std::string, 2>> values;
  for (const auto& [key, text] : before) values[key][0] = text;
  for (const auto& [key, text] : now) values[key][1] = text;
  std::vector<std::string> changes;
  for (const auto& [key, texts] : values) {
    const auto fits = [&, &k = key](const auto& pattern) { return glob_match(pattern, k); };
    if (texts[0] == texts[1] || std::ranges::any_of(free, fits)) continue;
    const auto shown = [](const std::string& text) { return text.empty() ? "nothing" : text; };
    changes.push_back(concat(key, ": ", shown(texts[0]), " -> ", shown(texts[1])));
  }
  return changes;
}

std::vector<fs::path> named_paths(const config::Section& section) {
  std::vector<std::string> texts;
  collect_strings(section, texts);
  std::vector<fs::path> paths;
  for (fs::path path : texts) {
    while (path.string().find_first_of("*?") != std::string::npos) path = path.parent_path();
    std::error_code ignored;
    if (!path.empty() && fs::exists(path, ignored)) paths.push_back(std::move(path));
  }
  return paths;
}

std::unique_ptr<run::RunDir> open_run(Training& training, const RunOptions& options) {
  const run::RunMode mode = options.resume      ? run::RunMode::kResume
                            : options.overwrite ? run::RunMode::kOverwrite
                                                : run::RunMode::kNew;
  auto run =
      std::make_unique<run::RunDir>(options.output_dir, mode, named_paths(training.section()));
  if (options.resume && path_exists(run->config())) check_changes(training, run->config());
  log::add_file(run->log());
  run->write_config(training.yaml());
  return run;
}

Prepared prepare(Training& training) {
  const torch::Device device = configure(training.config().train);
  training.resolve();
  training.check_inputs();
  return {
      .device = device,
      .clips = std::make_shared<data::ClipDataset>(training.config().data, data::Split::kTrain)};
}

ExitCode start(Training& training, const RunOptions& options) {
  const auto [device, clips] = prepare(training);
  const TrainingConfig& config = training.config();
  const auto seed = static_cast<std::uint64_t>(config.train.seed);
  const auto run = options.dry_run ? nullptr : open_run(training, options);
  for (const std::string& line : clips->summary()) log::info("data", line);

  std::optional<StagedFolder> scratch;  // never committed
  if (!run) scratch.emplace(fs::temp_directory_path() / "vdd-dry-run");
  const std::string data_hash = clips->fingerprint().content();
  const auto task = training.make_task(
      {.folder = run ? run->root() : scratch->path(),
       .cache = run ? cache_folder(config.cache, run->root()) : fs::path(),
       .training = clips,
       .validation = validation_data(config.validation, config.data, config.train.seed),
       .provenance = {.program = training.program(),
                      .version = version(),
                      .config = training.yaml(),
                      .data_hash = data_hash},
       .device = device});
  const auto audit_gradients = [&] { audit(*task, clip_to_audit(*clips, seed), config.precision); };
  if (!run) {
    audit_gradients();
    return ExitCode::kDone;
  }

  Trainer trainer(*task, clips, config, *run);
  if (options.resume) trainer.resume();
  task->reserve_disk(trainer.checkpoint_bytes_ahead(), run->root());
  run->write_manifest({.program = training.program(),
                       .config_hash = sha256_hex(training.yaml()),
                       .data_hash = data_hash,
                       .weights = hashes_by_part(*task),
                       .device = config.train.device,
                       .threads = config.train.threads},
                      trainer.step());
  if (trainer.step() == 0) audit_gradients();
  const ExitCode code = trainer.run();
  task->log_end();
  return code;
}

}  // namespace vdd::train
