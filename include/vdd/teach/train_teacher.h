// SPDX-License-Identifier: Apache-2.0
// Legend: T frames, C latent channels, h w latent pixels.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "vdd/diffusion/euler_schedule.h"
#include "vdd/teach/depth_targets.h"
#include "vdd/teach/train_teacher_config.h"
#include "vdd/train/training.h"

namespace vdd::teach {

/// The noise of one sample, drawn from (seed, n).
struct NoiseDraw {
  std::uint64_t seed = 0;  ///< tensor::randn(seed) gives the noise
  double sigma = 1;     ///< exp(log_mean + log_std * tensor::randn(derive_seed(seed, 0, "sigma")))
  bool unroll = false;  ///< sigma is in unroll_sigma, and Random(derive_seed(seed, 0, "unroll"))
                        ///< gives less than unroll
};
NoiseDraw draw_noise(const NoiseConfig& config, std::uint64_t seed, std::int64_t n);

/// Returns what U should give for x = z + sigma * noise, so that c_skip x + c_out U = z: (noise -
/// sigma z) / sqrt(sigma^2 + 1). Its mean square error is that of the denoised latent, weighted by
/// (sigma^2
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
class TeacherTask final : public train::Task {
 public:
  /// `model` has all parts; its UNet is trained in place. `folder`: of the parts that do not train.
  /// Throws ConfigError.
  TeacherTask(const TrainTeacherConfig& config, pipeline::DepthModel model,
              std::filesystem::path folder, train::Setup setup);

  const optim::Selection& selection() const override { return selection_; }
  std::vector<optim::ParameterGroup> groups() const override;
  std::vector<train::InputWeights> input_weights() const override;
  /// Throws DataError if the clip has no depth.
  train::SampleLoss step(const data::Clip& clip, std::int64_t n) override;
  std::vector<train::SampleLoss> steps(std::span<const data::Clip> clips,
                                       std::int64_t first) override;
  std::int64_t batch() const override { return config_.batch; }
  bool wants_pixels(const data::ClipPlan& plan) const override {
    return targets_.wants_pixels(plan);
  }
  /// Scores valid/abs_rel_<n> and valid/delta1_<n> for each number of sampler steps, over all clips
  /// and by layout (valid/vkitti2/abs_rel_5: first part of the source's name). The score is the
  /// AbsRel of the last number.
  train::ValidationResult validate(std::int64_t step, const run::RunDir& run) override;
  void save_model(const std::filesystem::path& checkpoint, std::int64_t step) override;
  void load_model(const std::filesystem::path& checkpoint) override;
  void reserve_disk(std::int64_t bytes, const std::filesystem::path& run) override {
    targets_.reserve_disk(bytes, run);
  }
  void log_end() const override { targets_.store().log_unwritten(); }

 private:
  /// The latent as the sampler's first step gives it from unit noise, without gradients.
  torch::Tensor first_estimate(const pipeline::Conditioning& conditioning,
                               const torch::Tensor& noise_TChw);

  TrainTeacherConfig config_;
  pipeline::DepthModel model_;
  std::filesystem::path folder_;
  train::Setup setup_;
  diffusion::EulerSchedule schedule_;  ///< the model's
  DepthTargets targets_;
  torch::Dtype compute_dtype_;
  optim::Selection selection_;
  torch::Tensor latent_weights_C11_;  ///< mean 1
};

/// The program `vdd train-teacher`. Without model.init the parts that the run starts from are put
/// together in <run>/teacher.
class TeacherTraining final : public train::ConfiguredTraining<TrainTeacherConfig> {
 public:
  using ConfiguredTraining::ConfiguredTraining;
  std::string program() const override { return "vdd train-teacher"; }
  std::vector<std::string> free_keys() const override;
  void resolve() override;
  void check_inputs() const override;
  std::unique_ptr<train::Task> make_task(train::Setup setup) const override;
};

}  // namespace vdd::teach
