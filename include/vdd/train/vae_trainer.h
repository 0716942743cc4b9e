// SPDX-License-Identifier: Apache-2.0
// Legend: N images, C latent channels, H W pixels, h w latent pixels.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "vdd/models/autoencoder_kl_temporal_decoder.h"
#include "vdd/train/clip_targets.h"
#include "vdd/train/train_vae_config.h"
#include "vdd/train/trainer.h"
#include "vdd/train/validation.h"

namespace vdd::train {

/// Cuts of one clip, K of T frames each.
struct VaeBatch {
  torch::Tensor target_NCHW;     ///< [K*T,3,size,size] in [-1,1], frames of a cut in a row
  torch::Tensor is_disparity_N;  ///< bool
  torch::Tensor corner_K2;       ///< int64, top row and left column of each cut
  std::int64_t frames = 0;       ///< T
};

/// The cuts of sample `n`, drawn from (seed, n), their corners on multiples of `grid` pixels.
/// config.disparity of the cuts of all samples, evenly spread, show the clip's disparity d as 2d-1
/// on three channels; all show RGB if the clip has none.
VaeBatch draw_crops(const data::Clip& clip, const CropConfig& config, std::uint64_t seed,
                    std::int64_t n, std::int64_t grid = 1);

/// Latents of the batch's cuts, those of disparity replaced by the same places of a teacher's
/// answer for the whole clip, answer_TChw, which is not multiplied by the scaling factor. The cuts
/// lie on the latent's grid, of `scale` pixels.
torch::Tensor with_answer(const torch::Tensor& z_NChw, const VaeBatch& batch,
                          const torch::Tensor& answer_TChw, std::int64_t scale);

/// Latents as inexact as a UNet's: those of disparity images get noise, of `largest` standard
/// deviations of their channel (over all of them) times a level that is drawn for each cut of
/// `frames` frames, evenly from [0,1]. A function of `seed`.
torch::Tensor disturbed_depth(const torch::Tensor& z_NChw, const torch::Tensor& is_disparity_N,
                              std::int64_t frames, double largest, std::uint64_t seed);

/// Throws ConfigError if config.model.teacher's encoder is not that of config.model.init or would
/// not stay so, DataError if a part of it is missing.
void check_teacher(const TrainVaeConfig& config);

/// What config.model.teacher, in config.teacher's steps, says about the clips of `training`, each
/// with noise of its own; null without a teacher. `cache_dir` empty: no cache. Throws DataError.
std::shared_ptr<ClipTargets> teacher_answers(const TrainVaeConfig& config,
                                             std::shared_ptr<data::ClipDataset> training,
                                             const std::filesystem::path& cache_dir,
                                             torch::Device device);

/// The temporal VAE learns to reconstruct short clips of pictures and of disparity.
class VaeTrainer final : public Distiller {
 public:
  /// What vdd.json says about the model, except for the step.
  struct Origin {
    std::string config;  ///< the resolved config, YAML
    std::string data_hash;
  };

  /// `training` gives the clips that the latents are measured on. `answers`: teacher_answers() of a
  /// config that passed check_teacher(). Throws DataError, ConfigError.
  VaeTrainer(const TrainVaeConfig& config, std::shared_ptr<data::ClipDataset> training,
             std::shared_ptr<ClipTargets> answers, ValidationData validation, Origin origin,
             torch::Device device);

  const Selection& selection() const override { return selection_; }
  std::vector<ParameterGroup> groups() const override;
  SampleLoss step(const data::Clip& clip, std::int64_t n) override;
  /// Means over the clips. Of the pictures: valid/rgb_l1 in [0,1] and valid/rgb_psnr; of the true
  /// disparity, reconstructed: valid/abs_rel and valid/delta1 as depth; of the teacher's answers,
  /// if it has them: valid/answer_abs_rel and valid/answer_delta1. The score is the last AbsRel
  /// there is, without depth the pictures' error.
  ValidationResult validate(std::int64_t step, const RunDir& run) override;
  /// Writes vae/ with the scaling_factor that gives the latents standard deviation 1, or with that
  /// of model.init if only the decoder trains, for the models that know these latents. The base of
  /// the folder is model.teacher, if there is one.
  void save_model(const std::filesystem::path& checkpoint, std::int64_t step) override;
  void load_model(const std::filesystem::path& checkpoint) override;

  /// 1 / standard deviation of the latents of the first config.scale_clips clips.
  double measure_scaling_factor();

 private:
  torch::Tensor sample_latents();
  torch::Tensor reconstruct(const torch::Tensor& images_T3HW);

  TrainVaeConfig config_;
  std::shared_ptr<data::ClipDataset> training_;
  std::shared_ptr<ClipTargets> answers_;  ///< null: the decoder learns from the encoder's latents
  ValidationData validation_;
  Origin origin_;
  torch::Device device_;
  torch::Dtype compute_dtype_;
  models::AutoencoderKLTemporalDecoder vae_{nullptr};
  Selection selection_;
};

}  // namespace vdd::train
