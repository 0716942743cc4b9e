// SPDX-License-Identifier: Apache-2.0
// Legend: T frames, C latent channels, h w latent pixels.
#pragma once

#include <string>

#include "vdd/diffusion/euler_schedule.h"
#include "vdd/train/depth_targets.h"
#include "vdd/train/trainer.h"
#include "vdd/train/validation.h"

namespace vdd::train {

/// The noise of one sample, drawn from (seed, n).
struct NoiseDraw {
  std::uint64_t seed = 0;  ///< tensor::randn(seed) gives the noise
  double sigma = 1;     ///< exp(log_mean + log_std * tensor::randn(derive_seed(seed, 0, "sigma")))
  bool unroll = false;  ///< sigma is in unroll_sigma, and Random(derive_seed(seed, 0, "unroll"))
                        ///< gives less than unroll
};
NoiseDraw draw_noise(const NoiseConfig& config, std::uint64_t seed, std::int64_t n);

/// What U should give for x = z + sigma * noise, so that c_skip x + c_out U = z: (noise - sigma z)
/// / sqrt(sigma^2 + 1). Its mean square error is that of the denoised latent, weighted by (sigma^2
/// + 1) / sigma^2, without the cancellation at small sigma. Source: Karras et al., arXiv
/// 2206.00364, with sigma_data = 1.
torch::Tensor velocity(const torch::Tensor& z_TChw, const torch::Tensor& noise_TChw, double sigma);

/// A video depth teacher by denoising score matching, as Stable Video Diffusion and DepthCrafter
/// train: the UNet sees the noisy depth latent, the video's latent and its embeddings.
///
/// With noise.unroll some samples see x = z' + sigma * noise, z' the UNet's own estimate in one
/// step from the same noise, without gradients, and learn to give z: what sampling shows them.
/// Source: step-unrolled denoising, Saxena et al., arXiv 2302.14816 (whose estimate starts from the
/// truth under noise of the same level).
class TeacherTrainer final : public Distiller {
 public:
  /// What vdd.json says about the model, except for the step.
  struct Origin {
    std::string config;           ///< the resolved config, YAML
    std::filesystem::path model;  ///< folder of the parts that do not train
    std::string data_hash;
  };

  /// `model` has all parts; its UNet is trained in place. `targets` were made for it. Throws
  /// ConfigError.
  TeacherTrainer(const TrainTeacherConfig& config, pipeline::DepthModel model, DepthTargets targets,
                 ValidationData validation, Origin origin, torch::Device device);

  const Selection& selection() const override { return selection_; }
  std::vector<ParameterGroup> groups() const override;
  /// Throws DataError if the clip has no depth.
  SampleLoss step(const data::Clip& clip, std::int64_t n) override;
  std::vector<SampleLoss> steps(std::span<const data::Clip> clips, std::int64_t first) override;
  bool wants_pixels(const data::ClipPlan& plan) const override {
    return targets_.wants_pixels(plan);
  }
  /// valid/abs_rel_<n> and valid/delta1_<n> for each number of sampler steps, over all clips and by
  /// layout (valid/vkitti2/abs_rel_5: first part of the source's name). The score is the AbsRel of
  /// the last number.
  ValidationResult validate(std::int64_t step, const RunDir& run) override;
  void save_model(const std::filesystem::path& checkpoint, std::int64_t step) override;
  void load_model(const std::filesystem::path& checkpoint) override;

  DepthTargets& targets() { return targets_; }

 private:
  /// The latent as the sampler's first step gives it from unit noise, without gradients.
  torch::Tensor first_estimate(const pipeline::Conditioning& conditioning,
                               const torch::Tensor& noise_TChw);

  TrainTeacherConfig config_;
  pipeline::DepthModel model_;
  diffusion::EulerSchedule schedule_;  ///< the model's
  DepthTargets targets_;
  ValidationData validation_;
  Origin origin_;
  torch::Device device_;
  torch::Dtype compute_dtype_;
  Selection selection_;
  torch::Tensor latent_weights_C11_;  ///< mean 1
};

}  // namespace vdd::train
