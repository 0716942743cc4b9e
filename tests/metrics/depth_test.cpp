// SPDX-License-Identifier: Apache-2.0
#include "vdd/metrics/depth.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <array>
#include <cmath>
#include <limits>

#include "metric_fixture.h"
#include "vdd/core/error.h"

namespace vdd::metrics {
namespace {

using test::fixture;

TEST(DepthScores, MatchNumpy) {
  for (const std::string name : {"same.scale_shift.clip.", "same.median.clip.",
                                 "small.scale_shift.clip.", "small.none.clip.", "in_depth."}) {
    const DepthScores scores =
        score_depth(fixture(name + "depth"), fixture("truth"), fixture(name + "valid"));
    for (const auto& [key, value] : scores.named()) {
      EXPECT_NEAR(value, fixture(name + key).item<double>(), 1e-9) << name << key;
    }
    EXPECT_EQ(scores.frames, 3);  // the third of four has no ground truth
    EXPECT_EQ(scores.pixels, fixture(name + "valid").sum().item<std::int64_t>());
  }
}

TEST(DepthScores, DeltaIsStrict) {
  const torch::Tensor depth =
      torch::tensor({1.25, 1.2499999, 0.8, 0.8000001}, torch::kDouble).reshape({1, 1, 4});
  const DepthScores scores =
      score_depth(depth, torch::ones_like(depth), torch::ones({1, 1, 4}, torch::kBool));
  EXPECT_EQ(scores.delta1, 0.5);
  EXPECT_EQ(scores.delta2, 1);
}

TEST(DepthScores, FramesCountAlikeWhateverTheirNumberOfPixels) {
  torch::Tensor depth = torch::ones({2, 1, 4}, torch::kDouble),
                valid = torch::ones({2, 1, 4}, torch::kBool);
  depth[0] = 1.1;  // four pixels, 10 % off
  depth[1] = 1.4;  // one pixel, 40 % off
  valid[1].slice(1, 1) = false;
  const DepthScores scores = score_depth(depth, torch::ones_like(depth), valid);
  EXPECT_NEAR(scores.abs_rel, 0.25, 1e-12);
  EXPECT_NEAR(scores.abs_rel_pooled, 0.16, 1e-12);
  EXPECT_NEAR(scores.delta1, 0.5, 1e-12);
  EXPECT_NEAR(scores.delta1_pooled, 0.8, 1e-12);
}

TEST(DepthScores, PerfectDepthScoresPerfectly) {
  const torch::Tensor depth = torch::rand({2, 3, 4}) + 0.5;
  const DepthScores scores = score_depth(depth, depth, torch::ones({2, 3, 4}, torch::kBool));
  EXPECT_EQ(scores.abs_rel, 0);
  EXPECT_EQ(scores.rmse_log, 0);
  EXPECT_EQ(scores.delta1, 1);
}

TEST(DepthScores, NothingValidIsZeroFrames) {
  const torch::Tensor nothing = torch::full({2, 3, 4}, std::numeric_limits<double>::quiet_NaN());
  const DepthScores scores = score_depth(nothing, nothing, torch::zeros({2, 3, 4}, torch::kBool));
  EXPECT_EQ(scores.frames, 0);
  for (const auto& [key, value] : scores.named()) EXPECT_EQ(value, 0) << key;
}

TEST(DepthScores, MeanLeavesUnscoredClipsOut) {
  const std::array<DepthScores, 3> clips{
      DepthScores{.abs_rel = 0.1, .delta1 = 0.9, .frames = 4, .pixels = 40}, DepthScores{},
      DepthScores{.abs_rel = 0.3, .delta1 = 0.5, .frames = 1, .pixels = 2}};
  const DepthScores mean = mean_over_clips(clips);
  EXPECT_NEAR(mean.abs_rel, 0.2, 1e-15);
  EXPECT_NEAR(mean.delta1, 0.7, 1e-15);
  EXPECT_EQ(mean.frames, 5);
  EXPECT_EQ(mean.pixels, 42);
  EXPECT_EQ(mean_over_clips({}).frames, 0);
}

TEST(DepthScores, RefuseWhatTheyCannotUse) {
  const torch::Tensor one = torch::ones({1, 2, 2}), all = torch::ones({1, 2, 2}, torch::kBool);
  EXPECT_THROW(score_depth(one, one[0], all), ShapeError);
  EXPECT_THROW(score_depth(one, one, one), ShapeError);
  EXPECT_THROW(score_depth(one * 0, one, all), NonFiniteError);
  EXPECT_THROW(score_depth(one, one * std::numeric_limits<float>::infinity(), all), NonFiniteError);
}

}  // namespace
}  // namespace vdd::metrics
