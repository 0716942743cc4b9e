// SPDX-License-Identifier: Apache-2.0
#include "vdd/train/train_teacher.h"

#include "trainer_setup.h"
#include "vdd/core/files.h"
#include "vdd/core/folders.h"
#include "vdd/core/hash.h"
#include "vdd/core/log.h"
#include "vdd/core/random.h"
#include "vdd/core/staged_folder.h"
#include "vdd/core/text.h"
#include "vdd/nn/initialize.h"
#include "vdd/train/teacher_trainer.h"

namespace vdd::train {
namespace fs = std::filesystem;
namespace {

/// Makes explicit what depends on other keys, so that the written config says what was run.
void resolve(TrainTeacherConfig& config) {
  config.data.rgb_only = false;
  if (config.lr_schedule.shape != "constant" && config.lr_schedule.length == 0) {
    config.lr_schedule.length = config.train.max_steps;
  }
}

/// Throws DataError if a part is missing that the config names.
void check_model(const TeacherModelConfig& config) {
  const fs::path model = config.init.empty() ? config.vae : config.init;
  const bool whole = !config.init.empty();
  pipeline::require_parts(pipeline::find_model(model, config.unet), model,
                          {.unet = whole, .image_encoder = whole});
}

/// A model folder of the given VAE, the image encoder beside it or else a random one, and an
/// untrained UNet.
void write_start(const fs::path& folder, const TeacherModelConfig& config) {
  const auto seed = static_cast<std::uint64_t>(config.seed);
  const pipeline::ModelFolders from = pipeline::find_model(config.vae);
  pipeline::DepthModel model;
  model.vae = pipeline::load_vae(from.vae);
  if (config.random_unet.in_channels != 2 * model.vae->config().latent_channels ||
      config.random_unet.out_channels != model.vae->config().latent_channels) {
    throw ConfigError(
        "model.random_unet.in_channels, out_channels: must be 2 and 1 times the VAE's "
        "latent_channels");
  }
  const bool trained_encoder = path_exists(from.image_encoder);
  if (trained_encoder) {
    model.image_encoder = pipeline::load_image_encoder(from.image_encoder);
  } else {
    model.image_encoder = models::CLIPVisionModelWithProjection(config.random_image_encoder);
    nn::initialize(*model.image_encoder, derive_seed(seed, 0, "image_encoder"));
  }
  const std::int64_t embedding = model.image_encoder->config().projection_dim;
  if (config.random_unet.cross_attention_dim != std::vector{embedding}) {
    throw ConfigError(concat(
        "model.random_unet.cross_attention_dim: must be ", embedding, ", the projection_dim of ",
        trained_encoder ? from.image_encoder.string() : "model.random_image_encoder"));
  }
  model.unet = models::UNetSpatioTemporalConditionModel(config.random_unet);
  nn::initialize(*model.unet, derive_seed(seed, 0, "unet"));
  StagedFolder staged(folder);
  pipeline::save_depth_model(staged.path(), model);
  staged.commit();
}

fs::path model_folder(const TeacherModelConfig& config, const fs::path& own) {
  if (!config.init.empty()) return config.init;
  if (!path_exists(own)) write_start(own, config);
  return own;
}

}  // namespace

ExitCode train_teacher(TrainTeacherConfig config, const RunOptions& options) {
  const torch::Device device = configure_torch(config.train);
  resolve(config);
  check_model(config.model);
  const auto training = std::make_shared<data::ClipDataset>(config.data, data::Split::kTrain);
  const auto run = options.dry_run ? nullptr : open_run(config, options, train_teacher_free_keys());
  for (const std::string& line : training->summary()) log::info("data", line);

  const StagedFolder scratch(fs::temp_directory_path() / "vdd-dry-run");  // never committed
  const fs::path folder =
      model_folder(config.model, (run ? run->root() : scratch.path()) / "teacher");
  pipeline::DepthModel model = pipeline::load_depth_model(
      {.model = folder, .unet = config.model.unet, .target = {.device = device}, .hash = true});
  const std::map<std::string, std::string> weights = {{"unet", model.unet_hash},
                                                      {"vae", model.vae_hash},
                                                      {"image_encoder", model.image_encoder_hash}};
  const std::string yaml = config::to_yaml(config);
  // Without data.clips hardly any clip comes twice.
  const fs::path cache =
      run && config.data.clips > 0 ? cache_folder(config.cache, *run) : fs::path();
  DepthTargets targets(config, model, training, cache, device);
  TeacherTrainer teacher(
      config, std::move(model), std::move(targets),
      validation_data(config.validation, config.data, config.train.seed),
      {.config = yaml, .model = folder, .data_hash = training->fingerprint().content()}, device);
  const auto seed = static_cast<std::uint64_t>(config.train.seed);
  if (options.dry_run) {
    audit(teacher, *training, seed);
    return ExitCode::kDone;
  }
  TrainerConfig of_trainer = trainer_config(config, weights);
  of_trainer.batch = config.batch;
  Trainer trainer(teacher, training, of_trainer, *run);
  if (options.resume) trainer.resume();
  prepare_cache(teacher.targets(), trainer, *run);
  run->write_manifest({.program = "vdd train-teacher",
                       .config_hash = sha256_hex(yaml),
                       .data_hash = training->fingerprint().content(),
                       .weights = weights,
                       .device = config.train.device,
                       .threads = config.train.threads},
                      trainer.step());
  if (trainer.step() == 0) audit(teacher, *training, seed);
  const ExitCode code = trainer.run();
  log_unwritten(teacher.targets().cache());
  return code;
}

}  // namespace vdd::train
