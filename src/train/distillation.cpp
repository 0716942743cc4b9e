// SPDX-License-Identifier: Apache-2.0
#include "vdd/train/distillation.h"

#include "trainer_setup.h"
#include "vdd/core/files.h"
#include "vdd/core/folders.h"
#include "vdd/core/hash.h"
#include "vdd/core/log.h"
#include "vdd/core/progress.h"
#include "vdd/core/staged_folder.h"
#include "vdd/core/stop.h"
#include "vdd/core/text.h"

namespace vdd::train {
namespace fs = std::filesystem;
namespace {

/// Makes explicit what depends on other keys, so that the written config says what was run.
void resolve(DistillConfig& config) {
  if (config.lr_schedule.shape != "constant" && config.lr_schedule.length == 0) {
    config.lr_schedule.length = config.train.max_steps;
  }
}

/// The teacher's folder: the config's, or random weights that are written to `fallback`.
fs::path teacher_folder(const DistillConfig& config, const fs::path& fallback) {
  if (!config.model.teacher.empty()) return config.model.teacher;
  if (!path_exists(fallback)) {
    log::info("train", concat("no teacher given: writing random weights to ", fallback.string()));
    write_random_teacher(fallback, config.model.random);
  }
  return fallback;
}

std::shared_ptr<Teacher> make_teacher(Stage& stage, const fs::path& folder,
                                      const fs::path& cache_dir, torch::Device device,
                                      CacheUse use = CacheUse::kOptional) {
  const DistillConfig& config = stage.config();
  return std::make_shared<Teacher>(pipeline::find_model(folder, config.model.teacher_unet),
                                   config.teacher, cache_dir, device, stage.decoder_maps(), use);
}

/// Throws DataError if a part is missing, or the header of its weights is damaged or cut off.
void check_models(const ModelConfig& model) {
  if (!model.teacher.empty()) {
    const auto folders = pipeline::find_model(model.teacher, model.teacher_unet);
    pipeline::require_parts(folders, model.teacher);
    pipeline::open_unet_weights(folders.unet);
    pipeline::open_vae_weights(folders.vae);
    pipeline::open_image_encoder_weights(folders.image_encoder);
  }
  if (!model.student.empty()) {
    pipeline::open_unet_weights(pipeline::find_model(model.student, model.student).unet);
  }
}

/// What can be wrong with the places a config names, found before a run folder is made.
std::shared_ptr<data::ClipDataset> check_inputs(Stage& stage) {
  check_models(stage.config().model);
  stage.check_inputs();
  return std::make_shared<data::ClipDataset>(stage.config().data, data::Split::kTrain);
}

/// Everything that a run needs besides its folder.
struct Parts {
  std::shared_ptr<data::ClipDataset> training;
  std::shared_ptr<ClipTargets> targets;
  std::unique_ptr<Distiller> distiller;
};

Parts build(Stage& stage, std::shared_ptr<data::ClipDataset> training, const fs::path& model,
            const fs::path& cache_dir, torch::Device device) {
  for (const std::string& line : training->summary()) log::info("data", line);
  const DistillConfig& config = stage.config();
  Parts parts;
  parts.training = std::move(training);
  parts.targets = std::make_shared<ClipTargets>(
      config, make_teacher(stage, model, cache_dir, device), parts.training);
  parts.distiller = stage.make_distiller(
      {.targets = parts.targets,
       .validation = validation_data(config.validation, config.data, config.train.seed),
       .origin = {.program = stage.program(),
                  .config = stage.yaml(),
                  .model = model,
                  .data_hash = parts.training->fingerprint().content()},
       .device = device});
  return parts;
}

ExitCode dry_run(Stage& stage, torch::Device device) {
  const StagedFolder scratch(fs::temp_directory_path() / "vdd-dry-run");  // never committed
  auto training = check_inputs(stage);
  const fs::path model = teacher_folder(stage.config(), scratch.path() / "teacher");
  const Parts parts = build(stage, std::move(training), model, "", device);
  audit(*parts.distiller, *parts.training, static_cast<std::uint64_t>(stage.config().train.seed));
  return ExitCode::kDone;
}

/// Where `vdd cache` puts the teacher of a config that names none.
fs::path shared_teacher(const DistillConfig& config) {
  const std::string hash = sha256_hex(config::to_yaml(config.model.random));
  return fs::path(config.cache.dir) / concat("random-teacher-", hash.substr(0, 12));
}

void require_cache_dir(const DistillConfig& config) {
  if (config.cache.dir.empty()) throw ConfigError("cache.dir: must name the folder of the cache");
}

}  // namespace

ExitCode distill(Stage& stage, const RunOptions& options) {
  DistillConfig& config = stage.config();
  const torch::Device device = configure_torch(config.train);
  resolve(config);
  if (options.dry_run) return dry_run(stage, device);

  auto training = check_inputs(stage);
  const auto run = stage.open_run(options);
  const Parts parts =
      build(stage, std::move(training), teacher_folder(config, run->root() / "teacher"),
            cache_folder(config.cache, *run), device);
  const Teacher& teacher = parts.targets->teacher();
  Trainer trainer(*parts.distiller, parts.training, trainer_config(config, teacher_hashes(teacher)),
                  *run);
  if (options.resume) trainer.resume();
  prepare_cache(*parts.targets, trainer, *run);
  run->write_manifest({.program = stage.program(),
                       .config_hash = sha256_hex(stage.yaml()),
                       .data_hash = parts.training->fingerprint().content(),
                       .weights = {{"unet", teacher.unet_hash()},
                                   {"vae", teacher.vae_hash()},
                                   {"image_encoder", teacher.image_encoder_hash()}},
                       .device = config.train.device,
                       .threads = config.train.threads},
                      trainer.step());
  if (trainer.step() == 0) {
    audit(*parts.distiller, *parts.training, static_cast<std::uint64_t>(config.train.seed));
  }
  const ExitCode code = trainer.run();
  log_unwritten(parts.targets->cache());
  if (!teacher.unet_loaded()) {
    log::info("train", concat("every target came from the cache: ",
                              teacher.vae_loaded() ? "the teacher was not loaded"
                                                   : "neither the teacher nor its VAE was loaded"));
  }
  return code;
}

CacheBuild build_teacher_cache(Stage& stage, std::int64_t samples) {
  DistillConfig& config = stage.config();
  require_cache_dir(config);
  const torch::Device device = configure_torch(config.train);
  const auto training = check_inputs(stage);
  const auto teacher = make_teacher(stage, teacher_folder(config, shared_teacher(config)),
                                    config.cache.dir, device, CacheUse::kRequired);
  ClipTargets targets(config, teacher, training);
  const ValidationData validation =
      validation_data(config.validation, config.data, config.train.seed);

  if (samples == 0) samples = targets.distinct_samples();
  const std::int64_t extra = validation.dataset ? config.validation.clips : 0;
  Progress progress("cache", {.total = samples + extra});
  CacheBuild result;
  std::int64_t done = 0;
  const auto add = [&](const data::Clip& clip, std::int64_t n, ClipTargets::Use use) {
    targets.get(clip, n, use);  // reads what is there: an entry may be damaged
    result.computed = teacher->computed();
    progress.update(++done);
    result.found = done - result.computed;
    result.exit = exit_code(stop_requested());
    return result.exit == ExitCode::kDone;
  };
  data::Loader loader(training, static_cast<std::uint64_t>(config.train.seed), 0,
                      static_cast<int>(config.data.workers), static_cast<int>(config.data.prefetch),
                      [&](const data::ClipPlan& plan) { return targets.wants_pixels(plan); });
  for (std::int64_t n = 0; n < samples; ++n) {
    if (!add(loader.next(), n, ClipTargets::Use::kTraining)) return result;
  }
  for (std::int64_t n = 0; n < extra; ++n) {
    const data::Clip clip = validation.dataset->load(validation.seed, n);
    if (!add(clip, n, ClipTargets::Use::kValidation)) return result;
  }
  return result;
}

CacheComparison recompute_cached(Stage& stage, std::int64_t count) {
  DistillConfig& config = stage.config();
  require_cache_dir(config);
  const torch::Device device = configure_torch(config.train);
  const auto training = check_inputs(stage);
  const fs::path model = teacher_folder(config, shared_teacher(config));
  const auto cached = make_teacher(stage, model, config.cache.dir, device);
  const auto fresh = make_teacher(stage, model, "", device);
  const ClipTargets targets(config, cached, training);
  const auto seed = static_cast<std::uint64_t>(config.train.seed);

  CacheComparison result;
  for (std::int64_t n = 0; n < targets.distinct_samples() && result.compared < count; ++n) {
    if (stop_requested() != StopReason::kNone) break;
    const data::ClipPlan plan = training->plan(seed, n);
    const Teacher::Request request = targets.request(plan.content_key, n);
    const auto stored = cached->find(request);
    if (!stored) continue;
    ++result.compared;
    if (!identical(*stored, fresh->compute(request, training->load(plan).rgb_TCHW))) {
      result.different.push_back(cache_key(cached->key_parts(request)));
    }
  }
  return result;
}

}  // namespace vdd::train
