// SPDX-License-Identifier: Apache-2.0
// Legend: N images, C latent channels, H W pixels, h w latent pixels.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "vdd/models/autoencoder_kl_temporal_decoder.h"
#include "vdd/train/train_vae_config.h"
#include "vdd/train/trainer.h"
#include "vdd/train/validation.h"

namespace vdd::train {

/// Cuts of one clip, K of T frames each.
struct VaeBatch {
  torch::Tensor target_NCHW;     ///< [K*T,3,size,size] in [-1,1], frames of a cut in a row
  torch::Tensor is_disparity_N;  ///< bool
  std::int64_t frames = 0;       ///< T
};

/// The cuts of sample `n`, drawn from (seed, n). config.disparity of them, evenly spread, show the
/// clip's disparity d as 2d-1 on three channels; all show RGB if the clip has none.
VaeBatch draw_crops(const data::Clip& clip, const CropConfig& config, std::uint64_t seed,
                    std::int64_t n);

/// Latents as inexact as a UNet's: those of disparity images get noise, of `largest` standard
/// deviations of their channel (over all of them) times a level that is drawn for each cut of
/// `frames` frames, evenly from [0,1]. A function of `seed`.
torch::Tensor disturbed_depth(const torch::Tensor& z_NChw, const torch::Tensor& is_disparity_N,
                              std::int64_t frames, double largest, std::uint64_t seed);

/// The temporal VAE learns to reconstruct short clips of pictures and of disparity.
class VaeTrainer final : public Distiller {
 public:
  /// What vdd.json says about the model, except for the step.
  struct Origin {
    std::string config;  ///< the resolved config, YAML
    std::string data_hash;
  };

  /// `training` gives the clips that the latents are measured on. Throws DataError, ConfigError.
  VaeTrainer(const TrainVaeConfig& config, std::shared_ptr<data::ClipDataset> training,
             ValidationData validation, Origin origin, torch::Device device);

  const Selection& selection() const override { return selection_; }
  std::vector<ParameterGroup> groups() const override;
  SampleLoss step(const data::Clip& clip, std::int64_t n) override;
  /// Means over the clips. Of the pictures: valid/rgb_l1 in [0,1] and valid/rgb_psnr; of the true
  /// disparity, reconstructed: valid/abs_rel and valid/delta1 as depth, which no teacher in this
  /// latent space can beat. The score is AbsRel, without depth the pictures' error.
  ValidationResult validate(std::int64_t step, const RunDir& run) override;
  /// Writes vae/ with the scaling_factor that gives the latents standard deviation 1, or with that
  /// of model.init if only the decoder trains, for the models that know these latents.
  void save_model(const std::filesystem::path& checkpoint, std::int64_t step) override;
  void load_model(const std::filesystem::path& checkpoint) override;

  /// 1 / standard deviation of the latents of the first config.scale_clips clips.
  double measure_scaling_factor();

 private:
  bool latents_stay() const;
  torch::Tensor sample_latents();
  torch::Tensor reconstruct(const torch::Tensor& images_T3HW);

  TrainVaeConfig config_;
  std::shared_ptr<data::ClipDataset> training_;
  ValidationData validation_;
  Origin origin_;
  torch::Device device_;
  torch::Dtype compute_dtype_;
  models::AutoencoderKLTemporalDecoder vae_{nullptr};
  Selection selection_;
};

}  // namespace vdd::train
