// SPDX-License-Identifier: Apache-2.0
#include "vdd/metrics/boundary.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <limits>

#include "metric_fixture.h"
#include "support/field_count.h"
#include "vdd/core/error.h"

namespace vdd::metrics {
namespace {

using test::eval_fixture;

TEST(Boundary, MatchesNumpy) {
  const BoundaryScores scores =
      score_boundaries(eval_fixture("boundary.depth"), eval_fixture("boundary.truth"));
  const torch::Tensor expected = eval_fixture("boundary.scores");  // frame, (f1, precision, recall)
  const torch::Tensor mean = expected.mean(0);
  EXPECT_NEAR(scores.f1, mean[0].item<double>(), 1e-12);
  EXPECT_NEAR(scores.precision, mean[1].item<double>(), 1e-12);
  EXPECT_NEAR(scores.recall, mean[2].item<double>(), 1e-12);
  ASSERT_EQ(std::ssize(scores.f1_per_frame), 3);
  for (std::int64_t t = 0; t < 3; ++t) {
    EXPECT_NEAR(scores.f1_per_frame[static_cast<std::size_t>(t)], expected[t][0].item<double>(),
                1e-12);
  }
}

TEST(Boundary, RecallOfAMatteMatchesNumpy) {
  const torch::Tensor depth = eval_fixture("boundary.depth");
  for (std::int64_t t = 0; t < 3; ++t) {
    EXPECT_NEAR(boundary_recall(depth[t], eval_fixture("boundary.alpha")),
                eval_fixture("boundary.recall")[t].item<double>(), 1e-12);
  }
}

TEST(Boundary, TruthItselfScoresOneWhateverItsScale) {
  const torch::Tensor truth = eval_fixture("boundary.truth");
  EXPECT_NEAR(score_boundaries(truth, truth).f1, 1, 1e-12);
  EXPECT_NEAR(score_boundaries(truth * 8, truth).f1, 1, 1e-12);
  EXPECT_LT(score_boundaries(truth + 5, truth).f1, 0.9);
}

TEST(Boundary, WithoutAnyEdgeTheScoreIsZero) {
  const torch::Tensor flat = torch::full({1, 5, 6}, 2.0);
  EXPECT_EQ(score_boundaries(flat, flat).f1, 0);
  const torch::Tensor truth = eval_fixture("boundary.truth");
  EXPECT_EQ(score_boundaries(torch::full_like(truth, 2), truth).f1, 0);
}

TEST(Boundary, TheMapsOfARowAloneAreHalfOfTheMean) {
  // One step down and one up, both found; above and below there is nothing, which counts as 0.
  const torch::Tensor row = torch::tensor({1.0, 1.0, 2.0, 2.0, 1.0}).reshape({1, 1, 5});
  const BoundaryScores scores = score_boundaries(row, row);
  EXPECT_NEAR(scores.recall, 0.5, 1e-12);
  EXPECT_NEAR(scores.precision, 0.5, 1e-12);
}

TEST(Boundary, TheThresholdItselfIsNoEdge) {
  const torch::Tensor depth = torch::tensor({1.0, 2.0}).reshape({1, 1, 2});
  EXPECT_EQ(score_boundaries(depth, depth, {.smallest = 2, .largest = 2, .thresholds = 1}).f1, 0);
  EXPECT_GT(score_boundaries(depth, depth, {.smallest = 1.9, .largest = 1.9, .thresholds = 1}).f1,
            0);
}

TEST(Boundary, RefusesWhatItCannotUse) {
  const torch::Tensor one = torch::ones({1, 4, 4});
  EXPECT_THROW(score_boundaries(one, one[0]), ShapeError);
  EXPECT_THROW(score_boundaries(one, torch::ones({1, 4, 5})), ShapeError);
  EXPECT_THROW(score_boundaries(one * std::numeric_limits<float>::quiet_NaN(), one),
               NonFiniteError);
  EXPECT_THROW(score_boundaries(one, one, {.smallest = 1.3}), ConfigError);
  EXPECT_THROW(boundary_recall(one, one), ShapeError);
  EXPECT_THROW(boundary_recall(one[0], torch::ones({4, 5})), ShapeError);
}

TEST(Boundary, EveryMemberIsAField) {
  EXPECT_EQ(test::listed_fields<BoundaryConfig>(), test::count_members<BoundaryConfig>());
}

}  // namespace
}  // namespace vdd::metrics
