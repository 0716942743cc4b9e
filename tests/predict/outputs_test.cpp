// SPDX-License-Identifier: Apache-2.0
#include "vdd/predict/outputs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <filesystem>

#include "support/field_count.h"
#include "support/temp_dir.h"
#include "vdd/io/colormap.h"
#include "vdd/io/exr.h"
#include "vdd/io/numpy.h"
#include "vdd/io/video.h"

namespace vdd::predict {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

constexpr Size kSize{16, 32};

/// Disparity that rises from left to right and a little from frame to frame.
torch::Tensor ramp(std::int64_t frames) {
  return torch::linspace(0, 0.9, kSize.width).expand({frames, kSize.height, kSize.width}) +
         torch::linspace(0, 0.1, frames).view({-1, 1, 1});
}

void write(const fs::path& folder, const OutputConfig& config, const torch::Tensor& disparity) {
  io::Image8 picture(kSize.height, kSize.width, 3);
  std::fill_n(picture.pixels.get(), picture.size(), 200);
  OutputWriter writer(folder, config, disparity.size(0), kSize, 12);
  for (const torch::Tensor& frame_1hw : disparity.split(1)) writer.write(frame_1hw, &picture);
  writer.close();
}

TEST(Outputs, EveryFormatHoldsTheDisparity) {
  const test::TempDir folder;
  const torch::Tensor disparity = ramp(3);
  write(folder.path(),
        {.save = {OutputFile::kPng16, OutputFile::kExr, OutputFile::kNpz, OutputFile::kNpy,
                  OutputFile::kMp4}},
        disparity);
  EXPECT_THAT(folder.names(),
              UnorderedElementsAre("png16", "exr", "depth.npz", "depth.npy", "depth.mp4"));
  EXPECT_THAT(io::npz_members(folder / "depth.npz"), ElementsAre("depth"));
  EXPECT_TRUE(torch::equal(io::read_npz(folder / "depth.npz", "", {}), disparity));
  EXPECT_TRUE(torch::equal(io::read_npy(folder / "depth.npy"), disparity));
  for (int t = 0; t < 3; ++t) {
    const std::string number = "00000" + std::to_string(t);
    const auto png = io::read_png16(folder / ("png16/" + number + ".png"));
    const auto exr = io::read_exr(folder / ("exr/" + number + ".exr"));
    for (int x = 0; x < kSize.width; ++x) {
      const float value = disparity[t][5][x].item<float>();
      EXPECT_EQ(png.row(5)[x], std::lround(65535 * value));
      EXPECT_EQ(exr.row(5)[x], value);
    }
  }
}

TEST(Outputs, VideosShowTheColorsOfTheMapBesideTheFrames) {
  const test::TempDir folder;
  write(folder.path(),
        {.save = {OutputFile::kMp4}, .side_by_side = true, .cmap = io::Colormap::kViridis},
        torch::full({5, kSize.height, kSize.width}, 0.25));
  EXPECT_THAT(folder.names(), UnorderedElementsAre("depth.mp4", "side_by_side.mp4"));
  const io::Color expected = io::color_of(0.25, io::Colormap::kViridis);
  const auto info = io::probe_video(folder / "side_by_side.mp4");
  EXPECT_EQ(info.frames, 5);
  EXPECT_EQ(info.frames_per_second, 12);
  EXPECT_EQ(info.width, 2 * kSize.width);
  const auto beside = io::read_video(folder / "side_by_side.mp4", 4, 1),
             colors = io::read_video(folder / "depth.mp4", 4, 1);
  for (int c = 0; c < 3; ++c) {  // within what MPEG-4 loses
    EXPECT_NEAR(colors[0].row(8)[3 * 16 + c], expected[c], 8);
    EXPECT_NEAR(beside[0].row(8)[3 * 48 + c], expected[c], 8);
    EXPECT_NEAR(beside[0].row(8)[3 * 16 + c], 200, 8);
  }
}

TEST(Outputs, APictureStaysAPicture) {
  const test::TempDir folder;
  write(folder.path(), {.save = {OutputFile::kMp4}, .side_by_side = true}, ramp(1));
  EXPECT_THAT(folder.names(), UnorderedElementsAre("depth.png", "side_by_side.png"));
  const auto image = io::read_rgb(folder / "side_by_side.png");
  const io::Color first = io::color_of(0);
  EXPECT_THAT(std::vector<int>(image.row(3) + 96, image.row(3) + 99),
              ElementsAre(first[0], first[1], first[2]));
  EXPECT_EQ(image.row(3)[0], 200);
}

TEST(Outputs, AFormatIsNamedOnce) {
  EXPECT_TRUE(OutputConfig{}.check().empty());
  EXPECT_THAT(
      (OutputConfig{.save = {OutputFile::kNpy, OutputFile::kExr, OutputFile::kNpy}}.check()),
      ElementsAre("save: npy is named twice"));
  EXPECT_EQ(test::listed_fields<OutputConfig>(), test::count_members<OutputConfig>());
}

}  // namespace
}  // namespace vdd::predict
