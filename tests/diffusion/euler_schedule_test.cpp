// SPDX-License-Identifier: Apache-2.0
#include "vdd/diffusion/euler_schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <map>

#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/io/safetensors.h"

namespace vdd::diffusion {
namespace {

// The configs of tools/reference/parity.py, `write_schedule`.
std::map<std::string, SchedulerConfig> variants() {
  return {
      {"svd", SchedulerConfig::stable_video_diffusion()},
      {"leading", {.timestep_spacing = TimestepSpacing::kLeading, .steps_offset = 1}},
      {"trailing",
       {.beta_schedule = BetaSchedule::kScaledLinear,
        .prediction_type = PredictionType::kVPrediction,
        .timestep_spacing = TimestepSpacing::kTrailing}},
      {"linspace",
       {.prediction_type = PredictionType::kSample, .final_sigmas_type = FinalSigma::kSigmaMin}},
      {"karras",
       {.beta_end = 0.012,
        .use_karras_sigmas = true,
        .timestep_spacing = TimestepSpacing::kTrailing}}};
}

double error(const torch::Tensor& got, const torch::Tensor& wanted) {
  EXPECT_EQ(got.sizes(), wanted.sizes());
  return ((got - wanted).abs().max() / wanted.abs().max()).item<double>();
}

TEST(EulerSchedule, EqualsThePythonOriginal) {
  const io::SafetensorsFile golden(std::string(VDD_FIXTURES) +
                                   "/parity/schedule/golden.safetensors");
  for (const auto& [label, config] : variants()) {
    const EulerSchedule schedule(config);
    for (const std::int64_t n : {1, 2, 5, 25}) {
      const std::string prefix = label + "." + std::to_string(n);
      SCOPED_TRACE(prefix);
      EXPECT_LE(error(schedule.sigmas(n), golden.get(prefix + ".sigmas")), 1e-6);
      const torch::Tensor timesteps = golden.get(prefix + ".timesteps");
      EXPECT_LE((schedule.timesteps(n) - timesteps).abs().max().item<double>(),
                1e-5 * (1 + timesteps.abs().max().item<double>()));
      EXPECT_NEAR(schedule.init_noise_sigma(n), golden.get(prefix + ".init").item<double>(),
                  1e-6 * schedule.init_noise_sigma(n));
    }
    const torch::Tensor outputs = golden.get(label + ".walk.outputs");
    std::int64_t call = 0;
    const torch::Tensor end =
        euler_sample([&](const torch::Tensor&, const torch::Tensor&) { return outputs[call++]; },
                     schedule, 5, golden.get(label + ".walk.start"));
    EXPECT_LE(error(end, golden.get(label + ".walk.end")), 2e-5) << label;
  }
}

TEST(Precondition, FollowsKarras) {
  for (const double sigma : {0.002, 1.0, 700.0}) {
    const Precondition p = precondition(sigma);
    EXPECT_DOUBLE_EQ(p.c_in, 1 / std::sqrt(sigma * sigma + 1));
    EXPECT_DOUBLE_EQ(p.c_noise, std::log(sigma) / 4);
    // An image y with noise n: x = y + sigma n, and v = (n - sigma y) / sqrt(sigma^2 + 1) gives y
    // back.
    const double y = 0.7, n = -1.3;
    const double v = (n - sigma * y) / std::sqrt(sigma * sigma + 1);
    EXPECT_NEAR(p.c_skip * (y + sigma * n) + p.c_out * v, y, 1e-9);
  }
}

TEST(EulerSchedule, RefusesWhatItCannotDo) {
  SchedulerConfig config;
  config.use_beta_sigmas = true;
  config.sigma_min = 3;
  config.sigma_max = 2;
  const std::string message = test::thrown<ConfigError>([&] { EulerSchedule schedule(config); });
  EXPECT_THAT(message, testing::AllOf(testing::HasSubstr("use_beta_sigmas: not supported"),
                                      testing::HasSubstr("sigma_min: must be below sigma_max")));
  config = {.beta_end = 0, .interpolation_type = "log_linear"};
  EXPECT_EQ(test::thrown<ConfigError>([&] { EulerSchedule schedule(config); }),
            "beta_end: must be > 0, got '0'\n"
            "interpolation_type: must be one of linear, got 'log_linear'");
  for (const std::int64_t steps : {0L, 1001L, 1'000'000'000'000L}) {
    EXPECT_THAT(test::thrown<ConfigError>([&] { EulerSchedule().sigmas(steps); }),
                testing::HasSubstr("steps: must be at least 1 and at most 1000"));
  }
}

}  // namespace
}  // namespace vdd::diffusion
