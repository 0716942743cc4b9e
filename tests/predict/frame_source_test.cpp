// SPDX-License-Identifier: Apache-2.0
#include "vdd/predict/frame_source.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "support/field_count.h"
#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::predict {
namespace {

io::Image8 grey(int height, int width, int value) {
  io::Image8 image(height, width, 3);
  std::fill_n(image.pixels.get(), image.size(), static_cast<std::uint8_t>(value));
  return image;
}

/// Ten frames of one grey each, frame i of 10 * i.
Input pictures(const test::TempDir& folder) {
  std::filesystem::create_directory(folder / "frames");
  for (int i = 0; i < 10; ++i)
    io::write_png(folder / concat("frames/", i, ".png"), grey(70, 130, 10 * i));
  return {folder / "frames", "frames", io::probe_video(folder / "frames")};
}

TEST(FrameSource, SizesAreRoundedAsDepthCrafterDoes) {
  const FrameConfig config;
  EXPECT_EQ(working_size({576, 1024}, config), (Size{576, 1024}));
  EXPECT_EQ(working_size({1080, 1920}, config), (Size{576, 1024}));
  EXPECT_EQ(working_size({436, 1024}, config), (Size{448, 1024}));  // Sintel
  EXPECT_EQ(working_size({375, 1242}, config), (Size{320, 1024}));  // KITTI
  EXPECT_EQ(working_size({416, 480}, config), (Size{384, 512}));    // 6.5 and 7.5: to even
  EXPECT_EQ(working_size({1920, 1080}, config), (Size{1024, 576}));
  EXPECT_EQ(working_size({20, 20}, config), (Size{64, 64}));
  FrameConfig small;
  small.max_res = 320;
  EXPECT_EQ(working_size({1080, 1920}, small), (Size{192, 320}));
  small.height = 128, small.width = 256;
  EXPECT_EQ(working_size({1080, 1920}, small), (Size{128, 256}));
}

TEST(FrameSource, GivesTheChosenFramesFromMinusOneToOne) {
  const test::TempDir folder;
  const Input input = pictures(folder);
  FrameSource source(input, {.from = 3, .frames = 4});
  EXPECT_EQ(source.frames(), 4);
  EXPECT_EQ(source.size(), (Size{64, 128}));
  EXPECT_EQ(source.frames_per_second(), 24);
  const torch::Tensor two = source.next(2), other = source.next(2);
  ASSERT_EQ(two.sizes(), (torch::IntArrayRef{2, 3, 64, 128}));
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(torch::allclose(two[i], torch::full({3, 64, 128}, 2 * (30 + 10 * i) / 255.0 - 1)));
    EXPECT_TRUE(
        torch::allclose(other[i], torch::full({3, 64, 128}, 2 * (50 + 10 * i) / 255.0 - 1)));
  }
}

TEST(FrameSource, AFasterVideoLosesFrames) {
  const test::TempDir folder;
  io::VideoWriter writer(folder / "v.mp4", 64, 64, 24);
  for (int i = 0; i < 11; ++i) writer.write(grey(64, 64, 20 * i));
  writer.close();
  const Input input{folder / "v.mp4", "v", io::probe_video(folder / "v.mp4")};
  FrameSource source(input, {.target_fps = 10});  // 2.4: every second one
  EXPECT_EQ(source.frames(), 6);
  EXPECT_EQ(source.frames_per_second(), 12);
  const torch::Tensor frames = source.next(6);
  for (int i = 0; i < 6; ++i)
    EXPECT_NEAR(frames[i].mean().item<double>(), 2 * (40 * i) / 255.0 - 1, 0.05) << i;
  EXPECT_EQ(FrameSource(input, {.target_fps = 50}).frames(), 11);
}

TEST(FrameSource, MoreFramesThanThereAreMeansAll) {
  const test::TempDir folder;
  const Input input = pictures(folder);
  EXPECT_EQ(FrameSource(input, {.from = 8, .frames = 100}).frames(), 2);
  EXPECT_EQ(test::thrown<DataError>([&] { FrameSource(input, {.from = 10}); }),
            concat(input.path.string(), ": has 10 frames; none from 10 on"));
}

TEST(FrameSource, EnlargingKeepsACheckerboardsMeanAndRange) {
  io::Image8 board(2, 2, 3);
  for (int i = 0; i < 12; ++i) board.pixels[i] = i / 3 == 0 || i / 3 == 3 ? 255 : 0;
  const torch::Tensor large = resize(board, {64, 64});
  EXPECT_EQ(large.sizes(), (torch::IntArrayRef{1, 3, 64, 64}));
  EXPECT_NEAR(large.mean().item<double>(), 127.5, 1e-3);
  EXPECT_EQ(large[0][0][0][0].item<float>(), 255);
}

TEST(FrameSource, HeightAndWidthGoTogether) {
  EXPECT_EQ(FrameConfig{}.check().size(), 0u);
  EXPECT_EQ((FrameConfig{.height = 64}.check().size()), 1u);
  EXPECT_EQ(test::listed_fields<FrameConfig>(), test::count_members<FrameConfig>());
}

}  // namespace
}  // namespace vdd::predict
