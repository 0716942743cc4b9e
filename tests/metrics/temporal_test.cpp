// SPDX-License-Identifier: Apache-2.0
#include "vdd/metrics/temporal.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <limits>

#include "metric_fixture.h"
#include "support/field_count.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::metrics {
namespace {

using test::eval_fixture;
using test::expect_close;
using test::kNaN;

/// Two frames of a camera that does not move.
struct Still {
  torch::Tensor depth_THW = torch::rand({2, 4, 5}, torch::kDouble) + 1;
  torch::Tensor intrinsics_T33 =
      torch::tensor({{5.0, 0.0, 2.0}, {0.0, 5.0, 1.5}, {0.0, 0.0, 1.0}}, torch::kDouble)
          .repeat({2, 1, 1});
  torch::Tensor poses_T44 = torch::eye(4, torch::kDouble).repeat({2, 1, 1});

  Still() { depth_THW[1] = depth_THW[0]; }
  TemporalScores score(const TemporalConfig& config = {}, const torch::Tensor& mask = {}) const {
    return score_temporal(depth_THW, intrinsics_T33, poses_T44, config, mask);
  }
};

TEST(Temporal, MatchesNumpyForEveryLensSplatAndMask) {
  for (const std::string lens : {"plain", "tilted"}) {
    for (const auto& [splat, splat_name] : names(Splat{})) {
      for (const std::string center : {"0.0", "0.5"}) {
        for (const std::string masked : {"all", "masked"}) {
          const TemporalScores scores = score_temporal(
              eval_fixture("temporal.depth"), eval_fixture("temporal." + lens + ".intrinsics"),
              eval_fixture("temporal.poses"), {.splat = splat, .pixel_center = std::stod(center)},
              masked == "all" ? torch::Tensor() : eval_fixture("temporal.mask"));
          const std::string name =
              concat("temporal.", lens, '.', splat_name, '.', center, '.', masked);
          const torch::Tensor expected = eval_fixture(name);
          EXPECT_NEAR(scores.tae, expected[0].item<double>(), 1e-9) << name;
          EXPECT_EQ(scores.skipped, expected[1].item<double>()) << name;
          EXPECT_EQ(scores.pairs + scores.skipped, 6) << name;
        }
      }
    }
  }
}

TEST(Temporal, CarriedDepthMatchesNumpy) {
  for (const std::string lens : {"plain", "tilted"}) {
    const torch::Tensor k = eval_fixture("temporal." + lens + ".intrinsics"),
                        poses = eval_fixture("temporal.poses");
    expect_close(reproject(eval_fixture("temporal.depth")[0], k[0], k[1],
                           torch::linalg_inv(poses[1]).matmul(poses[0]), {},
                           eval_fixture("temporal.mask")[0]),
                 eval_fixture("temporal." + lens + ".carried"), 1e-9);
  }
}

TEST(Temporal, NothingMovesNothingErrs) {
  const TemporalScores scores = Still().score();
  EXPECT_LT(scores.tae, 1e-15);
  EXPECT_EQ(scores.pairs, 2);
}

TEST(Temporal, FlickerOfTenPercentIsTheMeanOfBothDirections) {
  Still still;
  still.depth_THW[1] = still.depth_THW[0] * 1.1;
  EXPECT_NEAR(still.score().tae, (0.1 + (1 - 1 / 1.1)) / 2, 1e-12);
}

TEST(Temporal, PairsThatShareNoPixelAreSkippedNotScored) {
  Still still;
  still.poses_T44[1][0][0] = still.poses_T44[1][2][2] = -1;  // looks back
  const TemporalScores scores = still.score();
  EXPECT_EQ(scores.tae, 0);
  EXPECT_EQ(scores.pairs, 0);
  EXPECT_EQ(scores.skipped, 2);
}

TEST(Temporal, NearestSurfaceWinsOnlyWithTheDepthBuffer) {
  Still still;
  still.depth_THW.fill_(4);
  still.depth_THW[0][1][0] = 2;
  // By focal length 5 over depth, what is 4 away moves one pixel to the right, what is 2 away two.
  still.poses_T44[1][0][3] = -4.0 / 5;
  const auto carried = [&](Splat splat) {
    return reproject(still.depth_THW[0], still.intrinsics_T33[0], still.intrinsics_T33[1],
                     torch::linalg_inv(still.poses_T44[1]), {.splat = splat});
  };
  EXPECT_EQ(carried(Splat::kNear)[1][2].item<double>(), 2);
  EXPECT_EQ(carried(Splat::kLast)[1][2].item<double>(), 4);
}

TEST(Temporal, WhatTheMaskLeavesOutMayHoldAnything) {
  Still still;
  torch::Tensor mask = torch::ones({2, 4, 5}, torch::kBool);
  mask[0][2][2] = false;
  still.depth_THW[0][2][2] = kNaN;
  EXPECT_LT(still.score({}, mask).tae, 1e-15);
  EXPECT_THROW(still.score(), NonFiniteError);
}

TEST(Temporal, RefusesWhatItCannotUse) {
  Still still;
  EXPECT_THROW(score_temporal(still.depth_THW[0], still.intrinsics_T33, still.poses_T44),
               ShapeError);
  EXPECT_THROW(score_temporal(still.depth_THW, still.intrinsics_T33[0], still.poses_T44),
               ShapeError);
  EXPECT_THROW(still.score({}, torch::ones({2, 4, 5})), ShapeError);
  still.poses_T44[1][0][3] = -std::numeric_limits<double>::infinity();
  EXPECT_THROW(still.score(), NonFiniteError);
  still = Still();
  still.intrinsics_T33.zero_();
  EXPECT_THROW(still.score(), NonFiniteError);
}

TEST(Temporal, EveryMemberIsAField) {
  EXPECT_EQ(test::listed_fields<TemporalConfig>(), test::count_members<TemporalConfig>());
}

}  // namespace
}  // namespace vdd::metrics
