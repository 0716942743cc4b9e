// SPDX-License-Identifier: Apache-2.0
#include "vdd/models/motion_module.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "support/reference_parameters.h"
#include "vdd/nn/initialize.h"

namespace vdd::models {
namespace {

TEST(MotionModule, PositionsAreTheFormulaForAnyLength) {
  const torch::Tensor table = frame_positions(200, 12, torch::kFloat32);
  ASSERT_EQ(table.sizes(), torch::IntArrayRef({200, 12}));
  for (const std::int64_t p : {0, 1, 31, 32, 199}) {
    for (std::int64_t i = 0; i < 6; ++i) {
      const double angle =
          static_cast<double>(p) * std::pow(1e4, -2.0 * static_cast<double>(i) / 12);
      EXPECT_NEAR(table[p][2 * i].item<float>(), std::sin(angle), 1e-6) << p << ' ' << i;
      EXPECT_NEAR(table[p][2 * i + 1].item<float>(), std::cos(angle), 1e-6) << p << ' ' << i;
    }
  }
}

TEST(MotionModule, StartsAsTheIdentity) {
  MotionModule module(64);
  nn::initialize(*module, 3);
  torch::NoGradGuard no_grad;
  const torch::Tensor x = tensor::randn({6, 64, 2, 3}, 1);
  EXPECT_TRUE(torch::equal(module(x, 3), x));
}

TEST(MotionModule, ClipsAndPlacesDoNotMixAndFramesDo) {
  MotionModule module(64);
  test::fill_parameters(*module, 3);
  torch::NoGradGuard no_grad;
  const torch::Tensor x = tensor::randn({6, 64, 1, 2}, 1);
  const torch::Tensor y = module(x, 3);
  EXPECT_TRUE(torch::allclose(y.slice(0, 3), module(x.slice(0, 3), 3), 1e-4, 1e-5));
  EXPECT_FALSE(torch::allclose(y, module(x, 6), 1e-2, 1e-2));

  // Another last frame of the first clip, with the same mean and variance per group.
  torch::Tensor other = x.clone();
  other[2] = x[2].flip(-1);
  EXPECT_FALSE(torch::allclose(module(other, 3)[0], y[0], 1e-3, 1e-3));
  // Swapping the places of all frames swaps the results.
  EXPECT_TRUE(torch::allclose(module(x.flip(-1), 3), y.flip(-1), 1e-4, 1e-5));
}

}  // namespace
}  // namespace vdd::models
