// SPDX-License-Identifier: Apache-2.0
#include "vdd/diffusion/euler_schedule.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "vdd/core/error.h"
#include "vdd/core/text.h"
#include "vdd/core/validate.h"

namespace vdd::diffusion {

namespace {

constexpr double kRho = 7;  // Karras et al.

// Returns the value at `x` of a line through table[0], table[1], ..., held constant outside.
double interpolate(const std::vector<double>& table, double x) {
  const double last = static_cast<double>(table.size() - 1);
  x = std::clamp(x, 0.0, last);
  const auto low = static_cast<std::size_t>(std::min(std::floor(x), last - 1));
  const double weight = x - static_cast<double>(low);
  return (1 - weight) * table[low] + weight * table[low + 1];
}

}  // namespace

std::vector<std::string> SchedulerConfig::check() const {
  std::vector<std::string> errors;
  if (use_exponential_sigmas) errors.emplace_back("use_exponential_sigmas: not supported");
  if (use_beta_sigmas) errors.emplace_back("use_beta_sigmas: not supported");
  if (rescale_betas_zero_snr) errors.emplace_back("rescale_betas_zero_snr: not supported");
  if (sigma_min && sigma_max && *sigma_min >= *sigma_max)
    errors.emplace_back("sigma_min: must be below sigma_max");
  return errors;
}

SchedulerConfig SchedulerConfig::stable_video_diffusion() {
  return {.beta_start = 0.00085,
          .beta_end = 0.012,
          .beta_schedule = BetaSchedule::kScaledLinear,
          .prediction_type = PredictionType::kVPrediction,
          .use_karras_sigmas = true,
          .sigma_min = 0.002,
          .sigma_max = 700.0,
          .timestep_spacing = TimestepSpacing::kLeading,
          .timestep_type = TimestepType::kContinuous,
          .steps_offset = 1};
}

Precondition precondition(double sigma, PredictionType prediction_type) {
  const double c_in = 1 / std::sqrt(sigma * sigma + 1);
  const double c_noise = 0.25 * std::log(sigma);
  switch (prediction_type) {
    case PredictionType::kEpsilon:
      return {.c_in = c_in, .c_skip = 1, .c_out = -sigma, .c_noise = c_noise};
    case PredictionType::kSample:
      return {.c_in = c_in, .c_skip = 0, .c_out = 1, .c_noise = c_noise};
    case PredictionType::kVPrediction:
      break;
  }
  return {.c_in = c_in, .c_skip = c_in * c_in, .c_out = -sigma * c_in, .c_noise = c_noise};
}

EulerSchedule::EulerSchedule(const SchedulerConfig& config) : config_(validate(config)) {
  // In float32 as the original: 1 - alphas_cumprod cancels at the start of the table.
  const bool scaled = config.beta_schedule == BetaSchedule::kScaledLinear;
  const auto ramp = [&](double from, double to) {
    return torch::linspace(from, to, config.num_train_timesteps, torch::kFloat32);
  };
  const torch::Tensor betas =
      scaled ? ramp(std::sqrt(config.beta_start), std::sqrt(config.beta_end)).square()
             : ramp(config.beta_start, config.beta_end);
  const torch::Tensor alphas_cumprod = at::cumprod(1 - betas, 0);
  const torch::Tensor table = at::sqrt((1 - alphas_cumprod) / alphas_cumprod).to(torch::kFloat64);
  table_.assign(table.data_ptr<double>(), table.data_ptr<double>() + table.numel());
}

std::vector<double> EulerSchedule::levels(std::int64_t n) const {
  if (n < 1 || static_cast<double>(n) > sampler_steps.max) {
    throw ConfigError(
        concat("steps: must be at least 1 and at most ", sampler_steps.max, ", got ", n));
  }
  const double count = static_cast<double>(config_.num_train_timesteps);
  const double steps = static_cast<double>(n);
  std::vector<double> sigmas;
  for (std::int64_t i = 0; i < n; ++i) {
    const double back = static_cast<double>(n - 1 - i);  // steps to go
    double t = 0;
    switch (config_.timestep_spacing) {
      case TimestepSpacing::kLinspace:
        t = n == 1 ? 0 : (count - 1) * back / (steps - 1);
        break;
      case TimestepSpacing::kLeading:
        t = back * std::floor(count / steps) + static_cast<double>(config_.steps_offset);
        break;
      case TimestepSpacing::kTrailing:
        // nearbyint takes halves to even, as numpy.round does in the original.
        t = std::nearbyint(count - static_cast<double>(i) * count / steps) - 1;
        break;
    }
    sigmas.push_back(interpolate(table_, t));
  }
  if (!config_.use_karras_sigmas) return sigmas;

  const double low = std::pow(config_.sigma_min.value_or(sigmas.back()), 1 / kRho);
  const double high = std::pow(config_.sigma_max.value_or(sigmas.front()), 1 / kRho);
  for (std::int64_t i = 0; i < n; ++i) {
    const double ramp = n == 1 ? 0 : static_cast<double>(i) / (steps - 1);
    sigmas[static_cast<std::size_t>(i)] = std::pow(high + ramp * (low - high), kRho);
  }
  return sigmas;
}

double EulerSchedule::timestep_of(double sigma) const {
  const double wanted = std::log(std::max(sigma, 1e-10));
  const auto above = std::upper_bound(table_.begin(), table_.end(), sigma);
  const std::ptrdiff_t last = static_cast<std::ptrdiff_t>(table_.size()) - 2;
  const auto low =
      static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(above - table_.begin() - 1, 0, last));
  const double from = std::log(table_[low]), to = std::log(table_[low + 1]);
  return static_cast<double>(low) + std::clamp((wanted - from) / (to - from), 0.0, 1.0);
}

torch::Tensor EulerSchedule::sigmas(std::int64_t n) const {
  std::vector<double> values = levels(n);
  values.push_back(config_.final_sigmas_type == FinalSigma::kSigmaMin ? table_.front() : 0);
  return torch::tensor(values, torch::kFloat64).to(torch::kFloat32);
}

torch::Tensor EulerSchedule::timesteps(std::int64_t n) const {
  if (config_.timestep_type == TimestepType::kContinuous &&
      config_.prediction_type == PredictionType::kVPrediction) {
    return 0.25 * sigmas(n).slice(0, 0, n).log();
  }
  std::vector<double> values = levels(n);
  for (double& value : values) value = timestep_of(value);
  return torch::tensor(values, torch::kFloat64).to(torch::kFloat32);
}

double EulerSchedule::init_noise_sigma(std::int64_t n) const {
  const double largest = sigmas(n)[0].item<float>();
  return config_.timestep_spacing == TimestepSpacing::kLeading ? std::sqrt(largest * largest + 1)
                                                               : largest;
}

torch::Tensor euler_sample(const Model& model, const EulerSchedule& schedule, std::int64_t n,
                           torch::Tensor x, const EulerObserver& observer) {
  const torch::Tensor sigmas = schedule.sigmas(n);
  const torch::Tensor timesteps = schedule.timesteps(n);
  x = x.to(torch::kFloat32);
  for (std::int64_t i = 0; i < n; ++i) {
    const double sigma = sigmas[i].item<float>();
    const double next = sigmas[i + 1].item<float>();
    const Precondition p = precondition(sigma, schedule.config().prediction_type);

    const torch::Tensor scaled = x * p.c_in;
    const torch::Tensor output = model(scaled, timesteps[i]);
    const torch::Tensor denoised = p.c_skip * x + p.c_out * output.to(torch::kFloat32);
    x = x + (x - denoised) / sigma * (next - sigma);

    if (observer)
      observer(
          {.index = i, .scaled = scaled, .model_output = output, .denoised = denoised, .x = x});
  }
  return x;
}

}  // namespace vdd::diffusion
