// SPDX-License-Identifier: Apache-2.0
#include "vdd/metrics/alignment.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <limits>

#include "metric_fixture.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::metrics {
namespace {

using test::expect_close;
using test::fixture;
using test::kNaN;

/// The frames that a fixture of this scope was made of: with a fit for each frame, only those with
/// ground truth.
torch::Tensor frames_of(const torch::Tensor& x, FitScope scope) {
  return scope == FitScope::kFrame ? x.index_select(0, torch::tensor({0, 1, 3})) : x;
}

struct Case {
  std::string size;
  FitKind fit;
  FitScope scope;

  std::string name(char separator) const {
    return concat(size, separator, to_name(fit), separator, to_name(scope));
  }
};

class AlignDisparity : public testing::TestWithParam<Case> {};

TEST_P(AlignDisparity, MatchesNumpy) {
  const auto& [size, fit, scope] = GetParam();
  const std::string name = GetParam().name('.') + ".";
  const Aligned aligned = align_disparity(frames_of(fixture("prediction." + size), scope),
                                          frames_of(fixture("truth"), scope),
                                          {.max_depth = 10, .fit = fit, .scope = scope});
  expect_close(aligned.depth_THW, fixture(name + "depth"), 1e-9);
  expect_close(aligned.scale_shift_G2, fixture(name + "fit"), 1e-9);
  EXPECT_TRUE(torch::equal(aligned.valid_THW, fixture(name + "valid")));
}

INSTANTIATE_TEST_SUITE_P(Protocols, AlignDisparity,
                         testing::Values(Case{"same", FitKind::kScaleShift, FitScope::kClip},
                                         Case{"same", FitKind::kScale, FitScope::kClip},
                                         Case{"same", FitKind::kMedian, FitScope::kClip},
                                         Case{"same", FitKind::kNone, FitScope::kClip},
                                         Case{"same", FitKind::kScaleShift, FitScope::kFrame},
                                         Case{"small", FitKind::kScaleShift, FitScope::kClip},
                                         Case{"small", FitKind::kScale, FitScope::kClip},
                                         Case{"small", FitKind::kMedian, FitScope::kClip},
                                         Case{"small", FitKind::kNone, FitScope::kClip}),
                         [](const auto& each) { return each.param.name('_'); });

TEST(Alignment, InDepthMatchesNumpy) {
  const Aligned aligned =
      align_depth(fixture("prediction.depth"), fixture("truth"), {.max_depth = 10});
  expect_close(aligned.depth_THW, fixture("in_depth.depth"), 1e-9);
  expect_close(aligned.scale_shift_G2, fixture("in_depth.fit"), 1e-9);
}

TEST(Alignment, RecoversAnExactScaleAndShift) {
  const torch::Tensor depth = torch::rand({3, 4, 5}, torch::kDouble) * 5 + 0.5;
  const Aligned aligned = align_disparity((1 / depth - 0.3) / 4 + 1, depth);
  expect_close(aligned.depth_THW, depth, 1e-6);
}

TEST(Alignment, FloatsGiveTheSameAsDoubles) {
  const torch::Tensor pred = fixture("prediction.same").to(torch::kFloat),
                      truth = fixture("truth").to(torch::kFloat);
  const Aligned a = align_disparity(pred, truth),
                b = align_disparity(pred.to(torch::kDouble), truth.to(torch::kDouble));
  EXPECT_TRUE(torch::equal(a.depth_THW, b.depth_THW));
  EXPECT_EQ(a.depth_THW.scalar_type(), torch::kDouble);
}

TEST(Alignment, InputsStayAsTheyWere) {
  const torch::Tensor pred = fixture("prediction.same"), truth = fixture("truth");
  align_disparity(pred, truth);
  align_depth(pred, truth);
  EXPECT_TRUE(torch::equal(pred, fixture("prediction.same")));
}

TEST(Alignment, MaskLeavesPixelsOutOfTheFit) {
  torch::Tensor pred = torch::rand({2, 3, 4}, torch::kDouble) + 0.1;
  const torch::Tensor depth = 1 / (2 * pred);
  torch::Tensor mask = torch::ones({2, 3, 4}, torch::kBool);
  mask[1][2][3] = false;
  pred[1][2][3] = 50;  // an outlier
  const Aligned aligned = align_disparity(pred, depth, {}, mask);
  EXPECT_NEAR(aligned.scale_shift_G2[0][0].item<double>(), 2, 1e-6);
  EXPECT_TRUE(torch::equal(aligned.valid_THW, mask));
}

TEST(Alignment, ConstantPredictionBecomesTheMeanDisparity) {
  const torch::Tensor depth = torch::rand({2, 3, 4}, torch::kDouble) + 1;
  const Aligned aligned = align_disparity(torch::full({2, 3, 4}, 0.4), depth);
  const double mean = (1 / (depth + 1e-8)).mean().item<double>();
  EXPECT_EQ(aligned.scale_shift_G2[0][0].item<double>(), 0);
  expect_close(aligned.depth_THW, torch::full_like(depth, 1 / mean), 1e-12);
}

TEST(Alignment, NothingValidLeavesThePredictionUnfitted) {
  const Aligned aligned =
      align_disparity(torch::full({1, 2, 2}, 0.5), torch::full({1, 2, 2}, kNaN));
  EXPECT_TRUE(torch::equal(aligned.scale_shift_G2, torch::tensor({{1.0, 0.0}}, torch::kDouble)));
  EXPECT_FALSE(aligned.valid_THW.any().item<bool>());
  expect_close(aligned.depth_THW, torch::full({1, 2, 2}, 2.0, torch::kDouble), 1e-12);
}

TEST(Alignment, RefusesWhatItCannotUse) {
  const torch::Tensor pred = torch::rand({2, 3, 4}), depth = torch::rand({2, 3, 4});
  EXPECT_THROW(align_disparity(pred[0], depth), ShapeError);
  EXPECT_THROW(align_disparity(pred.slice(0, 0, 1), depth), ShapeError);
  EXPECT_THROW(align_disparity(pred, depth, {}, depth), ShapeError);
  EXPECT_THROW(align_disparity(torch::full({2, 3, 4}, kNaN), depth), NonFiniteError);
}

TEST(Resize, MatchesOpenCv) {
  expect_close(resize_bilinear(fixture("prediction.same"), 13, 20), fixture("resize.up"), 1e-12);
  expect_close(resize_bilinear(fixture("prediction.same"), 4, 5), fixture("resize.down"), 1e-12);
  EXPECT_TRUE(
      torch::equal(resize_bilinear(fixture("prediction.same"), 9, 12), fixture("prediction.same")));
}

TEST(Resize, AlignedCornersKeepTheCorners) {
  const torch::Tensor x = torch::tensor({{0.0, 3.0}, {6.0, 9.0}}, torch::kDouble);
  const torch::Tensor expected = torch::tensor(
      {{0.0, 1.0, 2.0, 3.0}, {3.0, 4.0, 5.0, 6.0}, {6.0, 7.0, 8.0, 9.0}}, torch::kDouble);
  expect_close(resize_bilinear(x, 3, 4, /*align_corners=*/true), expected, 1e-15);
}

TEST(Normalize, MatchesNumpy) {
  const torch::Tensor x = fixture("prediction.same"), mask = fixture("normalize.mask");
  const NormalizeConfig robust{.low = 0.02, .high = 0.98};
  expect_close(normalize_clip(x), fixture("normalize.all.0"), 1e-12);
  expect_close(normalize_clip(x, {}, robust), fixture("normalize.all.2"), 1e-12);
  expect_close(normalize_clip(x, mask), fixture("normalize.masked.0"), 1e-12);
  expect_close(normalize_clip(x, mask, robust), fixture("normalize.masked.2"), 1e-12);
}

TEST(Normalize, WithoutClipValuesPassTheEnds) {
  const torch::Tensor y = normalize_clip(torch::arange(11, torch::kDouble), {},
                                         {.low = 0.1, .high = 0.9, .clip = false});
  EXPECT_NEAR(y[0].item<double>(), -0.125, 1e-15);
  EXPECT_NEAR(y[10].item<double>(), 1.125, 1e-15);
}

TEST(Normalize, ConstantOrEmptyBecomesZeros) {
  const torch::Tensor flat = torch::full({2, 3}, 0.7);
  EXPECT_TRUE(torch::equal(normalize_clip(flat), torch::zeros({2, 3}, torch::kDouble)));
  EXPECT_TRUE(torch::equal(normalize_clip(torch::rand({2, 3}), torch::zeros({2, 3}, torch::kBool)),
                           torch::zeros({2, 3}, torch::kDouble)));
}

TEST(Normalize, RefusesWhatItCannotUse) {
  EXPECT_THROW(normalize_clip(torch::full({2}, kNaN)), NonFiniteError);
  EXPECT_THROW(normalize_clip(torch::rand({2}), {}, {.low = 0.5, .high = 0.5}), ConfigError);
  EXPECT_THROW(normalize_clip(torch::rand({2}), torch::ones({3}, torch::kBool)), ShapeError);
}

}  // namespace
}  // namespace vdd::metrics
