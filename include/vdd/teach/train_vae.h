// SPDX-License-Identifier: Apache-2.0
// Legend: T frames, C latent channels, H W pixels.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "vdd/distill/clip_targets.h"
#include "vdd/models/autoencoder_kl_temporal_decoder.h"
#include "vdd/teach/train_vae_config.h"
#include "vdd/train/training.h"

namespace vdd::teach {

/// Throws ConfigError if config.model.teacher's encoder is not that of config.model.init or would
/// not stay so, DataError if a part of it is missing.
void check_teacher(const TrainVaeConfig& config);

/// Asks config.model.teacher, in config.teacher's steps, about the clips of the training, each
/// with noise of its own; null without a teacher. Throws DataError.
std::shared_ptr<distill::ClipTargets> teacher_answers(const TrainVaeConfig& config,
                                                      const train::Setup& setup);

/// The temporal VAE learns to reconstruct short clips of pictures and of disparity.
class VaeTask final : public train::Task {
 public:
  /// setup.training gives the clips that the latents are measured on. The config passed
  /// check_teacher(). Throws DataError, ConfigError.
  VaeTask(const TrainVaeConfig& config, train::Setup setup);

  const optim::Selection& selection() const override { return selection_; }
  std::vector<optim::ParameterGroup> groups() const override;
  std::vector<train::InputWeights> input_weights() const override;
  train::SampleLoss step(const data::Clip& clip, std::int64_t n) override;
  /// Scores, as means over the clips, the pictures by valid/rgb_l1 in [0,1] and valid/rgb_psnr; of
  /// the true disparity, reconstructed: valid/abs_rel and valid/delta1 as depth; of the teacher's
  /// answers, if it has them: valid/answer_abs_rel and valid/answer_delta1. The score is the last
  /// AbsRel there is, without depth the pictures' error.
  train::ValidationResult validate(std::int64_t step, const run::RunDir& run) override;
  /// Writes vae/ with the scaling_factor that gives the latents standard deviation 1, or with that
  /// of model.init if only the decoder trains, for the models that know these latents. The base of
  /// the folder is model.teacher, if there is one.
  void save_model(const std::filesystem::path& checkpoint, std::int64_t step) override;
  void load_model(const std::filesystem::path& checkpoint) override;
  void reserve_disk(std::int64_t bytes, const std::filesystem::path& run) override;
  void log_end() const override;

  /// 1 / standard deviation of the latents of the first config.scale_clips clips.
  double measure_scaling_factor();
  /// Returns the teacher's answers; null without one: the decoder then learns from the encoder's
  /// latents.
  distill::ClipTargets* answers() { return answers_.get(); }

 private:
  torch::Tensor sample_latents();
  torch::Tensor reconstruct(const torch::Tensor& images_T3HW);

  TrainVaeConfig config_;
  train::Setup setup_;
  std::shared_ptr<distill::ClipTargets> answers_;
  torch::Dtype compute_dtype_;
  models::AutoencoderKLTemporalDecoder vae_{nullptr};
  std::string starting_hash_;  ///< of the weights it starts from; empty: random ones
  optim::Selection selection_;
};

/// The program `vdd train-vae`.
class VaeTraining final : public train::ConfiguredTraining<TrainVaeConfig> {
 public:
  using ConfiguredTraining::ConfiguredTraining;
  std::string program() const override { return "vdd train-vae"; }
  std::vector<std::string> free_keys() const override;
  void resolve() override;
  void check_inputs() const override;
  std::unique_ptr<train::Task> make_task(train::Setup setup) const override;
};

}  // namespace vdd::teach
