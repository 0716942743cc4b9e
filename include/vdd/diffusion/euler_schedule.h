// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "vdd/core/enum_names.h"
#include "vdd/core/field_checks.h"

namespace vdd::diffusion {

/// Numbers of sampler steps: a published schedule has a thousand noise levels.
inline constexpr Range sampler_steps = in_range(1, 1000);

/// How the betas of the noise table grow: evenly, or evenly in their square roots.
enum class BetaSchedule { kLinear, kScaledLinear };
constexpr auto names(BetaSchedule) {
  return enum_names<BetaSchedule>(
      {{BetaSchedule::kLinear, "linear"}, {BetaSchedule::kScaledLinear, "scaled_linear"}});
}

/// What a model answers with: the noise, the clean sample, or v.
enum class PredictionType { kEpsilon, kSample, kVPrediction };
constexpr auto names(PredictionType) {
  return enum_names<PredictionType>({{PredictionType::kEpsilon, "epsilon"},
                                     {PredictionType::kSample, "sample"},
                                     {PredictionType::kVPrediction, "v_prediction"}});
}

/// Which steps of the noise table a sampler takes.
enum class TimestepSpacing { kLinspace, kLeading, kTrailing };
constexpr auto names(TimestepSpacing) {
  return enum_names<TimestepSpacing>({{TimestepSpacing::kLinspace, "linspace"},
                                      {TimestepSpacing::kLeading, "leading"},
                                      {TimestepSpacing::kTrailing, "trailing"}});
}

/// What a model is told: its place in the table, or 0.25 ln(sigma).
enum class TimestepType { kDiscrete, kContinuous };
constexpr auto names(TimestepType) {
  return enum_names<TimestepType>(
      {{TimestepType::kDiscrete, "discrete"}, {TimestepType::kContinuous, "continuous"}});
}

/// The noise level after the last step: none, or the lowest of the table.
enum class FinalSigma { kZero, kSigmaMin };
constexpr auto names(FinalSigma) {
  return enum_names<FinalSigma>(
      {{FinalSigma::kZero, "zero"}, {FinalSigma::kSigmaMin, "sigma_min"}});
}

/// The published scheduler/scheduler_config.json.
struct SchedulerConfig {
  std::int64_t num_train_timesteps = 1000;
  double beta_start = 0.0001;
  double beta_end = 0.02;
  BetaSchedule beta_schedule = BetaSchedule::kLinear;
  PredictionType prediction_type = PredictionType::kEpsilon;
  std::string interpolation_type = "linear";
  bool use_karras_sigmas = false;
  bool use_exponential_sigmas = false;
  bool use_beta_sigmas = false;
  std::optional<double> sigma_min = {};
  std::optional<double> sigma_max = {};
  TimestepSpacing timestep_spacing = TimestepSpacing::kLinspace;
  TimestepType timestep_type = TimestepType::kDiscrete;
  std::int64_t steps_offset = 0;
  bool rescale_betas_zero_snr = false;
  FinalSigma final_sigmas_type = FinalSigma::kZero;

  constexpr void fields(auto& f) {
    f("num_train_timesteps", num_train_timesteps, "length of the training's noise table",
      in_range(2, 65536));
    f("beta_start", beta_start, "first beta of the table", positive);
    f("beta_end", beta_end, "last beta of the table", positive);
    f("beta_schedule", beta_schedule, "how betas grow");
    f("prediction_type", prediction_type, "what the model predicts");
    // "log_linear", the other published one, takes a step more than asked for.
    f("interpolation_type", interpolation_type, "how the table is read", one_of("linear"));
    f("use_karras_sigmas", use_karras_sigmas, "Karras schedule, rho 7");
    f("use_exponential_sigmas", use_exponential_sigmas, "not supported");
    f("use_beta_sigmas", use_beta_sigmas, "not supported");
    f("sigma_min", sigma_min, "lowest noise level of the Karras schedule", positive);
    f("sigma_max", sigma_max, "highest noise level of the Karras schedule", positive);
    f("timestep_spacing", timestep_spacing, "which steps of the table are used");
    f("timestep_type", timestep_type, "what the model is told about the noise level");
    f("steps_offset", steps_offset, "added to the steps of leading spacing", non_negative);
    f("rescale_betas_zero_snr", rescale_betas_zero_snr, "not supported");
    f("final_sigmas_type", final_sigmas_type, "noise level after the last step");
  }
  /// Rules across fields, "key: message" each.
  std::vector<std::string> check() const;
  /// Stable Video Diffusion's published values: v-prediction, Karras sigmas 700 ... 0.002,
  /// continuous timesteps.
  static SchedulerConfig stable_video_diffusion();
};

/// Scalings of the denoiser D(x; sigma) = c_skip x + c_out U(c_in x, c_noise), sigma_data = 1. For
/// v-prediction those of Karras et al., arXiv 2206.00364, with the sign of c_out that v has: c_out
/// = -sigma / sqrt(sigma^2 + 1).
struct Precondition {
  double c_in = 1;
  double c_skip = 0;
  double c_out = 1;
  double c_noise = 0;  ///< 0.25 ln(sigma), the continuous timestep
};
Precondition precondition(double sigma,
                          PredictionType prediction_type = PredictionType::kVPrediction);

/// Noise levels and timesteps of an n-step sampler. Source: diffusers EulerDiscreteScheduler.
class EulerSchedule {
 public:
  /// Throws ConfigError if the config asks for what is not supported.
  explicit EulerSchedule(const SchedulerConfig& config = SchedulerConfig::stable_video_diffusion());

  /// Returns [n+1] float32, falling, the last one 0 (or the table's lowest). n is in sampler_steps.
  torch::Tensor sigmas(std::int64_t n) const;
  /// Returns [n] float32: what the model is told at each step.
  torch::Tensor timesteps(std::int64_t n) const;
  /// The factor that unit noise is multiplied by before the first of n steps.
  double init_noise_sigma(std::int64_t n = 1) const;
  const SchedulerConfig& config() const { return config_; }

 private:
  std::vector<double> levels(std::int64_t n) const;  ///< sigmas in double, without the final one
  double timestep_of(double sigma) const;

  SchedulerConfig config_;
  std::vector<double> table_;  ///< sigma of each training timestep, rising
};

/// U(scaled, timestep): the model on c_in x; timestep is a scalar tensor.
using Model =
    std::function<torch::Tensor(const torch::Tensor& scaled, const torch::Tensor& timestep)>;

/// What one sampler step computed; `x` is the sample after it.
struct EulerStep {
  std::int64_t index;
  torch::Tensor scaled, model_output, denoised, x;
};
using EulerObserver = std::function<void(const EulerStep&)>;

/// Deterministic Euler sampling from x at noise level sigmas(n)[0] down to sigmas(n)[n]; x of any
/// shape, float32 throughout (the model may take and return another dtype).
torch::Tensor euler_sample(const Model& model, const EulerSchedule& schedule, std::int64_t n,
                           torch::Tensor x, const EulerObserver& observer = {});

}  // namespace vdd::diffusion
