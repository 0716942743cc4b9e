// SPDX-License-Identifier: Apache-2.0
#include "vdd/eval/evaluate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "eval/make_sets.h"
#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"

namespace vdd::eval {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

/// What a function makes of the true depth.
class Made : public Predictions {
 public:
  using Function = std::function<torch::Tensor(const torch::Tensor& depth_THW)>;
  explicit Made(Function function, PredictionKind kind = PredictionKind::kDisparity)
      : function_(std::move(function)), kind_(kind) {}
  PredictionKind kind() const override { return kind_; }
  torch::Tensor predict(const ScoredClip& clip) override {
    return function_(clip.truth.depth_THW.to(torch::kDouble));
  }

 private:
  Function function_;
  PredictionKind kind_;
};

/// Four frames of a sequence, TAE and boundaries too.
Protocol small(DataLayout layout) {
  Protocol p{.name = "small@1", .about = "", .temporal = true, .boundary = true};
  p.data.layout = layout;
  p.alignment.max_depth = 70;
  return p;
}

class Evaluate : public testing::Test {
 protected:
  Evaluate() { test::write_sintel(dir_.path()); }
  EvalResult run(const Protocol& protocol, const Made::Function& function,
                 PredictionKind kind = PredictionKind::kDisparity) {
    Made predictions(function, kind);
    return evaluate(dir_.path(), protocol, predictions);
  }
  fs::path depth_file(int frame) const {
    return dir_.path() / ("training/depth/alley_2/frame_" + test::digits(frame, 4) + ".dpt");
  }
  const test::TempDir dir_;
};

TEST_F(Evaluate, TheTruthIsPerfect) {
  const auto truth = truth_as_predictions();
  const EvalResult result = evaluate(dir_.path(), small(DataLayout::kSintel), *truth);
  EXPECT_LT(result.mean.abs_rel, 1e-6);  // 1 / (g + 1e-8) in the fit
  EXPECT_LT(result.mean.rmse, 1e-5);
  EXPECT_EQ(result.mean.delta1, 1);
  EXPECT_EQ(result.mean.delta3, 1);
  // The only edge is that of the sky above, and each of the four directions counts a quarter.
  EXPECT_NEAR(*result.mean.boundary_f1, 0.25, 1e-12);
  EXPECT_NEAR(*result.mean.boundary_recall, 0.25, 1e-12);
  ASSERT_EQ(result.sequences.size(), 1u);
  const SequenceResult& sequence = result.sequences[0];
  EXPECT_EQ(sequence.name, "alley_2");
  EXPECT_EQ(sequence.scored_frames, test::kFrames);
  EXPECT_EQ(sequence.pixels, test::kFrames * (test::kHeight - test::kHoles) * test::kWidth);
  EXPECT_EQ(sequence.temporal_pairs, 2 * (test::kFrames - 1));
  EXPECT_FALSE(result.partial);
}

TEST_F(Evaluate, AnAffineMapOfTheTruthIsPerfectToo) {
  const auto disparity = [](const torch::Tensor& depth) { return 3 / depth + 0.7; };
  EXPECT_LT(run(small(DataLayout::kSintel), disparity).mean.abs_rel, 1e-6);
  const auto depth = [](const torch::Tensor& d) { return 5 * d.clamp_max(100) + 2; };
  EXPECT_LT(run(small(DataLayout::kSintel), depth, PredictionKind::kDepth).mean.abs_rel, 1e-6);
}

TEST_F(Evaluate, TenPercentTooFarIsOneTenth) {
  Protocol p = small(DataLayout::kSintel);
  p.alignment.fit = metrics::FitKind::kNone;
  const auto result = run(p, [](const torch::Tensor& depth) { return 1 / (1.1 * depth); });
  EXPECT_NEAR(result.mean.abs_rel, 0.1, 1e-9);
  EXPECT_NEAR(result.mean.log10, std::log10(1.1), 1e-9);
  EXPECT_NEAR(result.mean.rmse_log, std::log(1.1), 1e-9);
  EXPECT_NEAR(result.mean.silog100, 0, 1e-6);
  EXPECT_EQ(result.mean.delta1, 1);
  const auto far = run(p, [](const torch::Tensor& depth) { return 1 / (1.3 * depth); });
  EXPECT_EQ(far.mean.delta1, 0);
  EXPECT_EQ(far.mean.delta2, 1);
}

TEST_F(Evaluate, OneFitServesAllFrames) {
  // Each frame is right up to its own factor.
  const auto flicker = [](const torch::Tensor& depth) {
    return torch::arange(1, 5, torch::kDouble).reshape({4, 1, 1}) / depth;
  };
  Protocol p = small(DataLayout::kSintel);
  EXPECT_GT(run(p, flicker).mean.abs_rel, 0.01);
  p.alignment.scope = metrics::FitScope::kFrame;
  const auto result = run(p, flicker);
  EXPECT_LT(result.mean.abs_rel, 1e-6);
  EXPECT_FALSE(result.sequences[0].scale.has_value());
}

TEST_F(Evaluate, TemporalErrorIsThatOfTheMetricWithTheSetsCameras) {
  for (const auto crop : {metrics::CropRule::kNone, metrics::CropRule::kScannetBorder}) {
    Protocol p = small(DataLayout::kSintel);
    p.crop = crop;
    p.alignment = {.min_depth = 0, .max_depth = 1e6, .floor = 1e-6, .fit = metrics::FitKind::kNone};
    p.temporal_error.splat = metrics::Splat::kNear;
    const auto result = run(p, [](const torch::Tensor& depth) { return 1 / depth; });
    std::vector<torch::Tensor> depths, cameras, poses;
    for (int i = 0; i < test::kFrames; ++i) {
      depths.push_back(test::depth_HW(test::any_intrinsics(), test::pose_44(i)));
      cameras.push_back(test::any_intrinsics());
      poses.push_back(test::pose_44(i));
    }
    auto depth_THW = torch::stack(depths).to(torch::kFloat);
    auto valid_THW = torch::ones_like(depth_THW, torch::kBool);
    valid_THW.slice(1, 0, test::kHoles).fill_(false);
    auto intrinsics_T33 = torch::stack(cameras);
    if (p.crop != metrics::CropRule::kNone) {
      depth_THW = depth_THW.slice(1, 8, -8).slice(2, 11, -11);
      valid_THW = valid_THW.slice(1, 8, -8).slice(2, 11, -11);
      intrinsics_T33.select(1, 0).select(1, 2) -= 11;
      intrinsics_T33.select(1, 1).select(1, 2) -= 8;
    }
    const auto expected = metrics::score_temporal(depth_THW, intrinsics_T33, torch::stack(poses),
                                                  p.temporal_error, valid_THW);
    EXPECT_EQ(expected.pairs, 2 * (test::kFrames - 1));
    EXPECT_NEAR(*result.mean.tae, expected.tae, 1e-9) << to_name(crop);
  }
}

TEST_F(Evaluate, PixelsOutsideOfTheScoreCropDoNotCount) {
  Protocol p = small(DataLayout::kSintel);
  p.score_crop = metrics::CropRule::kScannetBorder;
  const auto wrong_border = [](const torch::Tensor& depth) {
    auto disparity = 1 / depth;
    disparity.slice(1, 0, 6).fill_(7);
    return disparity;
  };
  EXPECT_LT(run(p, wrong_border).mean.abs_rel, 1e-6);
  EXPECT_EQ(run(p, wrong_border).sequences[0].pixels,
            test::kFrames * (test::kHeight - 16) * (test::kWidth - 22));
  EXPECT_GT(run(small(DataLayout::kSintel), wrong_border).mean.abs_rel, 1e-3);
}

TEST_F(Evaluate, TheMeanIsOverSequences) {
  fs::copy(dir_ / "training/depth/alley_2", dir_ / "training/depth/market_5");
  fs::copy(dir_ / "training/camdata_left/alley_2", dir_ / "training/camdata_left/market_5");
  for (int frame = 2; frame <= 4; ++frame)
    fs::remove(dir_ / "training/depth/market_5" / ("frame_" + test::digits(frame, 4) + ".dpt"));
  Protocol p = small(DataLayout::kSintel);
  p.alignment.fit = metrics::FitKind::kNone;
  // The longer sequence is off by 0.1, the other one by 0.2.
  const auto result = run(
      p, [](const torch::Tensor& depth) { return 1 / ((depth.size(0) > 1 ? 1.1 : 1.2) * depth); });
  ASSERT_EQ(result.sequences.size(), 2u);
  EXPECT_NEAR(result.mean.abs_rel, 0.15, 1e-9);
  EXPECT_FALSE(result.sequences[1].scores.tae.has_value());
  EXPECT_NEAR(*result.mean.tae, *result.sequences[0].scores.tae, 1e-12);
}

TEST_F(Evaluate, MissingDataIsAnErrorThatNamesIt) {
  const auto any = [](const torch::Tensor& depth) { return 1 / depth; };
  Protocol p = small(DataLayout::kSintel);
  p.sequences = {"alley_2", "market_5"};
  EXPECT_THAT(test::thrown<DataError>([&] { run(p, any); }), HasSubstr("market_5"));
  p = small(DataLayout::kSintel);
  p.min_frames = 5;
  EXPECT_THAT(test::thrown<DataError>([&] { run(p, any); }), HasSubstr("4 frames of at least 5"));
  p = small(DataLayout::kSintel);
  p.sequence_count = 23;
  EXPECT_THAT(test::thrown<DataError>([&] { run(p, any); }), HasSubstr("1 sequences of 23"));
  p = small(DataLayout::kSintel);
  p.alignment.min_depth = 60, p.alignment.max_depth = 61;
  EXPECT_THAT(test::thrown<DataError>([&] { run(p, any); }), HasSubstr("no pixel"));
}

TEST_F(Evaluate, PartialScoresWhatThereIsAndSaysWhatIsNot) {
  fs::resize_file(depth_file(2), 99);
  const auto truth = truth_as_predictions();
  EXPECT_THAT(
      test::thrown<DataError>([&] { evaluate(dir_.path(), small(DataLayout::kSintel), *truth); }),
      HasSubstr("frame_0002.dpt"));
  Protocol p = small(DataLayout::kSintel);
  p.sequences = {"alley_2", "market_5"};
  const EvalResult result = evaluate(dir_.path(), p, *truth, {.method = "m", .partial = true});
  EXPECT_TRUE(result.partial);
  ASSERT_EQ(result.sequences.size(), 1u);
  EXPECT_THAT(result.sequences[0].frames, ElementsAre("frame_0001", "frame_0003", "frame_0004"));
  EXPECT_THAT(result.sequences[0].unusable, ElementsAre(HasSubstr("frame_0002")));
  EXPECT_THAT(result.missing, ElementsAre("market_5", HasSubstr("alley_2: frame_0002")));
  EXPECT_EQ(result.sequences[0].temporal_pairs, 4);
}

TEST_F(Evaluate, AChangedBuiltInProtocolIsMarked) {
  const auto truth = truth_as_predictions();
  const std::vector<std::string> overrides = {"sequences=[alley_2]", "sequence_count=1",
                                              "min_frames=1"};
  const auto changed = find_protocol("depthcrafter-sintel-50@1", overrides);
  const EvalResult result = evaluate(dir_.path(), changed, *truth);
  EXPECT_TRUE(result.protocol_changed);
  EXPECT_EQ(result.protocol_hash, fingerprint(changed));
  EXPECT_FALSE(evaluate(dir_.path(), small(DataLayout::kSintel), *truth).protocol_changed);
}

TEST_F(Evaluate, TheSameFilesGiveTheSameResult) {
  const auto truth = truth_as_predictions();
  const EvalResult a = evaluate(dir_.path(), small(DataLayout::kSintel), *truth),
                   b = evaluate(dir_.path(), small(DataLayout::kSintel), *truth);
  EXPECT_EQ(a.sequences[0].truth_hash, b.sequences[0].truth_hash);
  EXPECT_EQ(a.sequences[0].prediction_hash, b.sequences[0].prediction_hash);
  EXPECT_EQ(*a.mean.tae, *b.mean.tae);
  const auto other =
      run(small(DataLayout::kSintel), [](const torch::Tensor& depth) { return 2 / depth; });
  EXPECT_EQ(other.sequences[0].truth_hash, a.sequences[0].truth_hash);
  EXPECT_NE(other.sequences[0].prediction_hash, a.sequences[0].prediction_hash);
}

}  // namespace
}  // namespace vdd::eval
