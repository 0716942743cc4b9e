// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "vdd/scenes/material.h"

namespace vdd::scenes {
namespace {

TEST(Texture, PulseIsTheMeanOverTheFootprint) {
  for (const double width : {0.03, 0.4, 1.7}) {
    for (const double x : {-2.3, -0.1, 0.0, 0.55, 3.21}) {
      double sum = 0;
      constexpr int kSamples = 20000;
      for (int i = 0; i < kSamples; ++i) {
        const double at = x + width * ((i + 0.5) / kSamples - 0.5);
        sum += at - std::floor(at / 0.7) * 0.7 < 0.3 * 0.7 ? 1 : 0;
      }
      EXPECT_NEAR(pulse(x, 0.7, 0.3, width), sum / kSamples, 2e-4) << x << ' ' << width;
    }
  }
}

TEST(Texture, PatternsFadeToOneColourUnderAWidePixel) {
  for (const Pattern pattern : {Pattern::kChecker, Pattern::kStripes, Pattern::kDots}) {
    const Material m{.pattern = pattern,
                     .colors = {Vec3{1, 1, 1}, Vec3{0, 0, 0}},
                     .size = 0.1,
                     .size2 = 0.5,
                     .uneven = 0};
    double low = 1, high = 0;
    for (int i = 0; i < 200; ++i) {
      const double u = 0.0137 * i, v = 0.0211 * i;
      const double value = albedo(m, {.position = {u, v, 0},
                                      .footprint = {4, 4, 4},
                                      .u = u,
                                      .v = v,
                                      .footprint_u = 4,
                                      .footprint_v = 4})
                               .x;
      low = std::min(low, value), high = std::max(high, value);
    }
    EXPECT_LT(high - low, 0.05);
  }
}

TEST(Texture, NoiseLosesTheOctavesThatAPixelCannotHold) {
  EXPECT_EQ(fractal_noise({0.3, 0.4, 0.5}, 2.0, 4, 7), 0);
  EXPECT_NE(fractal_noise({0.3, 0.4, 0.5}, 0.0, 4, 7), fractal_noise({0.3, 0.4, 0.5}, 0.4, 4, 7));
  EXPECT_NE(fractal_noise({0.3, 0.4, 0.5}, 0.0, 4, 7), fractal_noise({0.3, 0.4, 0.5}, 0.0, 4, 8));
}

}  // namespace
}  // namespace vdd::scenes
