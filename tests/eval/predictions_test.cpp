// SPDX-License-Identifier: Apache-2.0
#include "vdd/eval/predictions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "eval/make_sets.h"
#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/io/exr.h"

namespace vdd::eval {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

/// A name and frames; nobody looks at its pictures.
class Names : public Sequence {
 public:
  Names() : Sequence("scenes/alley_2", {"a", "b", "c", "d", "e"}) {}
  torch::Tensor rgb_HW3(std::size_t frame) const override {
    return torch::full({16, 24, 3}, 10 * static_cast<int>(frame), torch::kByte);
  }
  TrueDepth depth(std::size_t) const override { return {}; }
};

/// The protocol takes b and d.
class Predict : public testing::Test {
 protected:
  Predict() { fs::create_directories(dir_ / "scenes"); }

  torch::Tensor stored(PredictionKind kind = PredictionKind::kDisparity) {
    return stored_predictions(dir_.path(), kind)->predict(clip_);
  }
  static io::Image<float> floats(const torch::Tensor& values_hw) {
    io::Image<float> image(4, 6, 1);
    std::memcpy(image.pixels.get(), values_hw.const_data_ptr<float>(), image.size() * 4);
    return image;
  }
  void write_frame(const std::string& file, const torch::Tensor& values_hw) {
    fs::create_directories((dir_ / file).parent_path());
    if (file.ends_with(".npy")) return io::write_npy(dir_ / file, values_hw);
    if (file.ends_with(".exr")) return io::write_exr(dir_ / file, floats(values_hw));
    io::Image16 image(4, 6, 1);
    const auto numbers = (values_hw * 65535).round();
    for (std::size_t i = 0; i < image.size(); ++i)
      image.pixels[i] = static_cast<std::uint16_t>(numbers.const_data_ptr<float>()[i]);
    io::write_png(dir_ / file, image);
  }

  const test::TempDir dir_;
  const Names sequence_;
  const Protocol protocol_{.first = 1, .step = 2, .frames = 2, .height = 64, .width = 128};
  const std::vector<std::size_t> frames_ = {1, 3};
  const Truth truth_;
  const ScoredClip clip_{sequence_, frames_, protocol_, truth_};
  const torch::Tensor taken_ = torch::arange(48).reshape({2, 4, 6}).to(torch::kFloat) / 64;
};

TEST_F(Predict, ArraysHoldTheFramesOfTheProtocol) {
  io::write_npy(dir_ / "scenes/alley_2.npy", taken_);
  EXPECT_TRUE(torch::equal(stored(), taken_));
  io::write_npz(dir_ / "scenes/alley_2.npz", taken_.unsqueeze(1) + 1, "depth");
  EXPECT_TRUE(torch::equal(stored(), taken_ + 1));
}

TEST_F(Predict, ArraysMayHoldTheWholeSequence) {
  const auto all = torch::rand({5, 4, 6});
  io::write_npz(dir_ / "scenes/alley_2.npz", all, "disparity");
  EXPECT_TRUE(torch::equal(stored(), torch::stack({all[1], all[3]})));
}

TEST_F(Predict, OfFramesThatCannotBeScoredThePredictionIsLeftOut) {
  io::write_npy(dir_ / "scenes/alley_2.npy", taken_);
  const std::vector<std::size_t> left = {3};
  const auto predictions = stored_predictions(dir_.path(), PredictionKind::kDisparity);
  EXPECT_TRUE(torch::equal(predictions->predict({sequence_, left, protocol_, truth_}),
                           taken_.slice(0, 1, 2)));
}

TEST_F(Predict, FilesOfOtherProgramsAreFoundByTheirNames) {
  fs::create_directories(dir_ / "scenes/alley_2");
  io::write_npz(dir_ / "scenes/alley_2_rgb_left.npz", taken_, "depth");
  EXPECT_TRUE(torch::equal(stored(), taken_)) << "DepthCrafter";
  io::write_npy(dir_ / "scenes/alley_2/depth.npy", taken_ + 1);
  EXPECT_TRUE(torch::equal(stored(), taken_ + 1)) << "vdd predict";
}

TEST_F(Predict, FramesMayBeFiles) {
  for (const std::string extension : {".npy", ".exr", ".png"}) {
    fs::remove_all(dir_ / "scenes/alley_2");
    write_frame("scenes/alley_2/b" + extension, taken_[0]);
    write_frame("scenes/alley_2/d" + extension, taken_[1]);
    EXPECT_LT((stored() - taken_).abs().max().item<double>(),
              extension == ".png" ? 0.51 / 65535 : 1e-9)
        << extension;
  }
}

TEST_F(Predict, ASingleFrameNeedsNoFolder) {
  const Protocol one{.first = 1, .frames = 1};
  const std::vector<std::size_t> frames = {1};
  const auto predictions = stored_predictions(dir_.path(), PredictionKind::kDepth);
  EXPECT_EQ(predictions->kind(), PredictionKind::kDepth);
  const auto predicted = [&] { return predictions->predict({sequence_, frames, one, truth_}); };
  write_frame("scenes/alley_2.png", taken_[1]);
  EXPECT_LT((predicted()[0] - taken_[1]).abs().max().item<double>(), 0.51 / 65535);
  write_frame("scenes/alley_2.exr", taken_[0]);
  EXPECT_TRUE(torch::equal(predicted(), taken_.slice(0, 0, 1)));
  write_frame("scenes/alley_2.npy", taken_[1]);
  EXPECT_TRUE(torch::equal(predicted(), taken_.slice(0, 1, 2)));
}

TEST_F(Predict, RefusesAnotherNumberOfFrames) {
  io::write_npy(dir_ / "scenes/alley_2.npy", torch::zeros({3, 4, 6}));
  const std::string error = test::thrown<DataError>([&] { stored(); });
  EXPECT_THAT(error, HasSubstr("alley_2.npy"));
  EXPECT_THAT(error, HasSubstr("takes 2 frames, b to d, of 5"));
}

TEST_F(Predict, FramesFarLargerThanThePicturesAreRefused) {
  // 16 times the 64 x 128 pixels of the network's input, and more.
  io::write_npz(dir_ / "scenes/alley_2.npz", torch::zeros({2, 256, 512}), "disparity");
  EXPECT_EQ(stored().sizes(), (std::vector<std::int64_t>{2, 256, 512}));
  io::write_npz(dir_ / "scenes/alley_2.npz", torch::zeros({2, 272, 512}), "disparity");
  EXPECT_THAT(test::thrown<DataError>([&] { stored(); }),
              HasSubstr("alley_2.npz: frames of 139264 pixels for pictures of 8192"));
}

TEST_F(Predict, NamesWhatIsMissing) {
  EXPECT_THAT(test::thrown<DataError>([&] { stored(); }),
              HasSubstr("no prediction for scenes/alley_2"));
  write_frame("scenes/alley_2/b.npy", taken_[0]);
  EXPECT_THAT(test::thrown<DataError>([&] { stored(); }), HasSubstr("frame d"));
  write_frame("scenes/alley_2/d.npy", torch::zeros({4, 5}));
  EXPECT_THAT(test::thrown<DataError>([&] { stored(); }), HasSubstr("d.npy"));
  EXPECT_THAT(
      test::thrown<DataError>([&] { stored_predictions(dir_ / "no", PredictionKind::kDepth); }),
      HasSubstr("no such folder"));
}

TEST_F(Predict, AnArchiveOfSeveralArraysMustNameOne) {
  io::write_npz(dir_ / "scenes/alley_2.npz", taken_, "values");
  EXPECT_TRUE(torch::equal(stored(), taken_));
  fs::copy(fs::path(VDD_FIXTURES) / "io/two_arrays.npz", dir_ / "scenes/alley_2.npz",
           fs::copy_options::overwrite_existing);
  EXPECT_THAT(test::thrown<DataError>([&] { stored(); }), HasSubstr("but a, b"));
}

TEST_F(Predict, RefusesNanNamingTheFrame) {
  auto values = taken_.clone();
  values[1][2][3] = std::numeric_limits<float>::quiet_NaN();
  io::write_npy(dir_ / "scenes/alley_2.npy", values);
  EXPECT_THAT(test::thrown<NonFiniteError>([&] { stored(); }), HasSubstr("frame d"));
}

TEST_F(Predict, TheTruthIsInverseDepthAndZeroWhereUnknown) {
  const Truth truth{.depth_THW = torch::tensor({{{2.f, 0.f, 0.5f}}})};
  const auto predicted = truth_as_predictions()->predict({sequence_, frames_, protocol_, truth});
  EXPECT_TRUE(torch::equal(predicted, torch::tensor({{{0.5, 0.0, 2.0}}}, torch::kDouble)));
}

TEST_F(Predict, WhatIsKeptIsReadAgain) {
  const test::TempDir kept;
  const auto model = [](const torch::Tensor& rgb_T3HW) { return rgb_T3HW.mean(1) + 1; };
  const auto predicted = keep_predictions(predictions_of(model), kept.path())->predict(clip_);
  EXPECT_TRUE(torch::equal(
      stored_predictions(kept.path(), PredictionKind::kDisparity)->predict(clip_), predicted));
}

TEST_F(Predict, AModelSeesThePicturesAtTheSizeOfTheProtocol) {
  std::vector<std::int64_t> seen;
  const auto predicted = predictions_of([&](const torch::Tensor& rgb_T3HW) {
                           seen = rgb_T3HW.sizes().vec();
                           return rgb_T3HW.mean(1);
                         })->predict(clip_);
  EXPECT_EQ(seen, (std::vector<std::int64_t>{2, 3, 64, 128}));
  EXPECT_NEAR(predicted[0].mean().item<double>(), 10 / 127.5 - 1, 1e-5);
  EXPECT_NEAR(predicted[1].mean().item<double>(), 30 / 127.5 - 1, 1e-5);
}

TEST_F(Predict, AModelThatGivesOtherFramesOrNanIsRefused) {
  const auto of = [&](const auto& change) {
    return predictions_of([&](const torch::Tensor& rgb_T3HW) { return change(rgb_T3HW.mean(1)); });
  };
  const auto fewer = of([](const torch::Tensor& x) { return x.slice(0, 1); });
  EXPECT_THAT(test::thrown<ShapeError>([&] { fewer->predict(clip_); }), HasSubstr("for 2 frames"));
  const auto broken = of([](const torch::Tensor& x) { return x / 0 * 0; });
  EXPECT_THAT(test::thrown<NonFiniteError>([&] { broken->predict(clip_); }),
              HasSubstr("NaN or infinity"));
}

}  // namespace
}  // namespace vdd::eval
