// SPDX-License-Identifier: Apache-2.0
#include "vdd/train/train_vae.h"

#include "trainer_setup.h"
#include "vdd/core/hash.h"
#include "vdd/core/log.h"
#include "vdd/pipeline/model_folder.h"
#include "vdd/train/vae_trainer.h"

namespace vdd::train {
namespace {

/// Makes explicit what depends on other keys, so that the written config says what was run.
void resolve(TrainVaeConfig& config) {
  config.data.rgb_only = false;
  if (config.lr_schedule.shape != "constant" && config.lr_schedule.length == 0) {
    config.lr_schedule.length = config.train.max_steps;
  }
}

/// Of the weights the run starts from; empty: random ones, which the config determines.
std::string starting_hash(const VaeModelConfig& config) {
  if (config.init.empty()) return "";
  const auto folders = pipeline::find_model(config.init);
  pipeline::require_parts(folders, config.init, {.unet = false, .image_encoder = false});
  return tensor::content_hash(*pipeline::open_vae_weights(folders.vae));
}

}  // namespace

ExitCode train_vae(TrainVaeConfig config, const RunOptions& options) {
  const torch::Device device = configure_torch(config.train);
  resolve(config);
  const std::string start = starting_hash(config.model);
  check_teacher(config);
  const auto training = std::make_shared<data::ClipDataset>(config.data, data::Split::kTrain);
  const auto run = options.dry_run ? nullptr : open_run(config, options, train_vae_free_keys());
  for (const std::string& line : training->summary()) log::info("data", line);

  const std::string yaml = config::to_yaml(config);
  const auto answers =
      teacher_answers(config, training, run ? cache_folder(config.cache, *run) : "", device);
  VaeTrainer vae(config, training, answers,
                 validation_data(config.validation, config.data, config.train.seed),
                 {.config = yaml, .data_hash = training->fingerprint().content()}, device);
  std::map<std::string, std::string> weights = {{"vae", start}};
  std::map<std::string, std::string> inputs = {{"VAE", start}};
  if (answers) {
    const auto its = teacher_hashes(answers->teacher());
    weights.insert(its.begin(), its.end());
    inputs.insert(its.begin(), its.end());
  }
  const auto seed = static_cast<std::uint64_t>(config.train.seed);
  if (options.dry_run) {
    audit(vae, *training, seed);
    return ExitCode::kDone;
  }
  Trainer trainer(vae, training, trainer_config(config, inputs), *run);
  if (options.resume) trainer.resume();
  if (answers) prepare_cache(*answers, trainer, *run);
  run->write_manifest({.program = "vdd train-vae",
                       .config_hash = sha256_hex(yaml),
                       .data_hash = training->fingerprint().content(),
                       .weights = weights,
                       .device = config.train.device,
                       .threads = config.train.threads},
                      trainer.step());
  if (trainer.step() == 0) audit(vae, *training, seed);
  const ExitCode code = trainer.run();
  if (answers) log_unwritten(answers->cache());
  return code;
}

}  // namespace vdd::train
