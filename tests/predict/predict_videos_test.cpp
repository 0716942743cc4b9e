// SPDX-License-Identifier: Apache-2.0
#include "vdd/predict/predict_videos.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <filesystem>

#include "pipeline/tiny_model.h"
#include "support/clips.h"
#include "support/field_count.h"
#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/config/reader.h"
#include "vdd/core/error.h"
#include "vdd/io/numpy.h"

namespace vdd::predict {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr PredictorConfig kOneStepConfig{
    .steps = 1, .window = 4, .overlap = 2, .chunk = 3, .seed = 7};

/// Two clips of 7 frames, 64x64.
class PredictVideos : public ::testing::Test {
 protected:
  void SetUp() override { test::write_clips(folder_ / "clips", 2, 7, 64, 64); }
  std::vector<Input> inputs() const { return find_inputs({folder_ / "clips"}); }
  PredictReport predict(Done done = Done::kRefuse) {
    spec_.done = done;
    return predict_videos(predictor_, inputs(), spec_);
  }

  test::TempDir folder_;
  fs::path out_ = folder_ / "out";
  Predictor predictor_{test::tiny_model(), kOneStepConfig};
  PredictSpec spec_{.model = "tiny", .output = out_, .results = {.save = {OutputFile::kNpz}}};
};

TEST_F(PredictVideos, WritesWhatPredictClipGivesAndSaysHow) {
  const PredictReport report = predict();
  ASSERT_EQ(report.videos.size(), 2u);
  FrameSource frames(inputs()[1], {});
  const torch::Tensor expected = predictor_.predict_clip(frames.next(7));
  EXPECT_TRUE(torch::equal(io::read_npz(out_ / "clip1/depth.npz", "depth", {}), expected));

  const auto info = config::load_json<PredictionInfo>(out_ / "clip1/prediction.json");
  EXPECT_EQ(info.frames, 7);
  EXPECT_EQ(info.height, 64);
  EXPECT_EQ(info.width, 64);
  EXPECT_EQ(info.windows, 3);  // 0-3, 2-5, 4-6
  EXPECT_EQ(info.dtype, "fp32");
  EXPECT_EQ(info.vae_dtype, "fp32");
  EXPECT_GT(info.seam_mean, 0);
  EXPECT_GE(info.seam_max, info.seam_mean);
  EXPECT_LT(info.raw_low, info.raw_high);
  EXPECT_EQ(info.config.predictor.steps, 1);
  EXPECT_THAT(to_markdown(report), HasSubstr("clip1 | 7 | 64x64 | 3 |"));
}

TEST_F(PredictVideos, FinishedVideosAreLeftAloneOnlyIfAsked) {
  predict();
  const auto before = fs::last_write_time(out_ / "clip0/depth.npz");
  EXPECT_THAT(test::thrown<ConfigError>([&] { predict(); }),
              HasSubstr("clip0: exists; choose --skip-done"));
  fs::remove_all(out_ / "clip1");
  const PredictReport report = predict(Done::kSkip);
  EXPECT_TRUE(report.videos[0].skipped);
  EXPECT_EQ(report.videos[0].prediction.windows, 3);
  EXPECT_FALSE(report.videos[1].skipped);
  EXPECT_EQ(fs::last_write_time(out_ / "clip0/depth.npz"), before);
  EXPECT_TRUE(fs::exists(out_ / "clip1/depth.npz"));
  EXPECT_THAT(to_markdown(report), HasSubstr("done before"));
  predict(Done::kReplace);
  EXPECT_NE(fs::last_write_time(out_ / "clip0/depth.npz"), before);
}

TEST_F(PredictVideos, ReplacesNothingButItsOwnResults) {
  spec_.output = folder_ / "clips";  // the results would take the place of the frames
  EXPECT_THAT(test::thrown<ConfigError>([&] { predict(Done::kReplace); }),
              HasSubstr("clip0: is not replaced: it is the input"));
  spec_.output = out_;
  predict();
  folder_.write("out/clip1/notes.txt", "x");
  EXPECT_THAT(test::thrown<ConfigError>([&] { predict(Done::kReplace); }),
              HasSubstr("clip1: is not replaced: it holds notes.txt"));
  EXPECT_TRUE(fs::exists(out_ / "clip1/notes.txt"));
  fs::remove(out_ / "clip1/notes.txt");
  fs::remove(out_ / "clip1/prediction.json");
  EXPECT_THAT(test::thrown<ConfigError>([&] { predict(Done::kReplace); }),
              HasSubstr("clip1: is not replaced: it has no prediction.json"));
  EXPECT_EQ(io::list_frames(folder_ / "clips/clip0").size(), 7u);
}

TEST_F(PredictVideos, SkipsNothingThatWasPredictedOtherwise) {
  predict();
  const auto refusal = [&](Predictor& predictor, const PredictSpec& spec) {
    return test::thrown<ConfigError>([&] { predict_videos(predictor, inputs(), spec); });
  };
  spec_.done = Done::kSkip;
  PredictSpec other = spec_;
  other.frames.max_res = 640;
  EXPECT_THAT(refusal(predictor_, other),
              HasSubstr("was predicted with frames.max_res 1024, not 640"));
  auto model = test::tiny_model();
  model.unet_hash = "of other weights";
  Predictor trained(model, kOneStepConfig);
  EXPECT_THAT(refusal(trained, spec_), HasSubstr("was predicted with model "));
  fs::rename(folder_ / "clips", folder_ / "moved");
  EXPECT_THAT(test::thrown<ConfigError>(
                  [&] { predict_videos(predictor_, find_inputs({folder_ / "moved"}), spec_); }),
              HasSubstr("was predicted with input "));
  fs::remove(out_ / "clip0/prediction.json");
  test::thrown<DataError>(
      [&] { predict_videos(predictor_, find_inputs({folder_ / "moved"}), spec_); });
}

TEST_F(PredictVideos, NothingIsLeftOfAVideoThatFails) {
  fs::create_directories(out_ / ".tmp-clip0-0123456789abcdef");  // of a killed run
  fs::resize_file(folder_ / "clips/clip1/frame1005.png", 100);
  EXPECT_THAT(test::thrown<DataError>([&] { predict(); }), HasSubstr("frame1005.png"));
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(out_))
    names.push_back(entry.path().filename().string());
  EXPECT_THAT(names, ElementsAre("clip0"));
}

TEST_F(PredictVideos, RefusesBeforeTheFirstVideo) {
  spec_.frames.from = 6;
  for (int t = 3; t < 7; ++t)
    fs::remove(folder_ / ("clips/clip1/frame100" + std::to_string(t) + ".png"));
  test::thrown<DataError>([&] { predict(); });
  EXPECT_FALSE(fs::exists(out_));
  spec_.frames = {.height = 64};
  test::thrown<ConfigError>([&] { predict(); });
}

TEST_F(PredictVideos, ResultsMayBeAsLargeAsTheFrames) {
  spec_.frames = {.height = 64, .width = 128};
  spec_.results = {.save = {OutputFile::kNpy}, .side_by_side = true, .original_size = true};
  predict();
  const torch::Tensor disparity = io::read_npy(out_ / "clip0/depth.npy");
  EXPECT_EQ(disparity.sizes(), (torch::IntArrayRef{7, 64, 64}));
  EXPECT_GE(disparity.min().item<float>(), 0);
  EXPECT_LE(disparity.max().item<float>(), 1);
  EXPECT_EQ(io::probe_video(out_ / "clip0/side_by_side.mp4").width, 128);
}

TEST_F(PredictVideos, ListsEveryField) {
  EXPECT_EQ(test::listed_fields<PredictConfig>(), test::count_members<PredictConfig>());
  EXPECT_EQ(test::listed_fields<PredictionInfo>(), test::count_members<PredictionInfo>());
  EXPECT_EQ(test::listed_fields<VideoReport>(), test::count_members<VideoReport>());
  EXPECT_EQ(test::listed_fields<PredictReport>(), test::count_members<PredictReport>());
}

}  // namespace
}  // namespace vdd::predict
