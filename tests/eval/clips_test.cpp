// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "eval/make_sets.h"
#include "layouts.h"
#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"

namespace vdd::eval {
namespace {

using testing::HasSubstr;

/// Largest distance of a valid point from the plane, along its ray, relative to its depth.
double distance_from_plane(const Sequence& sequence, std::size_t frame) {
  const TrueDepth depth = sequence.depth(frame);
  const Camera camera = sequence.camera(frame);
  const auto rays = data::test::pixels_HW3(depth.depth_HW.size(0), depth.depth_HW.size(1))
                        .matmul(torch::linalg_inv(camera.intrinsics_33).t());
  const auto truth = data::test::plane_depth(rays / rays.slice(2, 2, 3), camera.cam_to_world_44);
  return ((depth.depth_HW - truth) / truth)
      .abs()
      .masked_select(depth.valid_HW)
      .max()
      .item<double>();
}

TEST(Clips, VirtualKittiIsReadAtItsOwnSize) {
  const test::TempDir dir;
  data::test::write_vkitti(dir / "vkitti2", {.cameras = 2});
  const DataSet data = open_data_set(dir.path());
  ASSERT_EQ(data.sequences.size(), 2u);
  const Sequence& sequence = *data.sequences[0];
  EXPECT_EQ(sequence.name(), "vkitti2/Scene02/clone/Camera_0");
  ASSERT_EQ(sequence.frames().size(), 12u);
  for (const std::size_t frame : {0u, 7u}) {
    const TrueDepth depth = sequence.depth(frame);
    ASSERT_EQ(depth.depth_HW.sizes(), torch::IntArrayRef({64, 128}));
    EXPECT_FALSE(depth.valid_HW.slice(0, 0, 8).any().item<bool>());
    EXPECT_GT(depth.depth_HW.slice(0, 0, 8).min().item<double>(), 600) << "sky is far, not unknown";
    EXPECT_TRUE(depth.valid_HW.slice(0, 8).all().item<bool>());
    EXPECT_LT(distance_from_plane(sequence, frame), 0.005 / 6);  // centimetres
    EXPECT_EQ(sequence.rgb_HW3(frame)[30][30][1].item<int>(), 40 + static_cast<int>(frame));
  }
}

TEST(Clips, APatternOfFoldersIsOneSetWhoseNamesStartWithTheFolder) {
  const test::TempDir dir;
  for (const char* seed : {"seed1", "seed2", "other"})
    data::test::write_vkitti(dir / "held" / seed / "all" / "vkitti2");
  const DataSet data = open_data_set(dir / "held" / "seed*" / "all");
  ASSERT_EQ(data.sequences.size(), 2u);
  EXPECT_EQ(data.sequences[0]->name(), "seed1/all/vkitti2/Scene02/clone/Camera_0");
  EXPECT_EQ(data.sequences[1]->name(), "seed2/all/vkitti2/Scene02/clone/Camera_0");
  EXPECT_TRUE(data.sequences[1]->depth(0).valid_HW.any().item<bool>());

  EXPECT_THAT(test::thrown<DataError>([&] { open_data_set(dir / "none*"); }),
              HasSubstr("none*: no folder matches"));
  fs::create_directories(dir / "held" / "seed3" / "all");
  EXPECT_THAT(test::thrown<DataError>([&] { open_data_set(dir / "held" / "seed*" / "all"); }),
              HasSubstr("seed3/all"));
}

TEST(Clips, HypersimsTiltedLensIsAnInvertibleMatrix) {
  const test::TempDir dir;
  data::test::write_hypersim(dir / "hypersim");
  const DataSet data = open_data_set(dir.path(), {.layout = DataLayout::kHypersim});
  const Sequence& sequence = *data.sequences.at(0);
  EXPECT_EQ(sequence.name(), "hypersim/ai_001_001/cam_00");
  for (const std::size_t frame : {0u, 5u}) {
    const TrueDepth depth = sequence.depth(frame);
    EXPECT_FALSE(depth.valid_HW.slice(1, 0, 4).any().item<bool>());
    EXPECT_TRUE(depth.valid_HW.slice(1, 4).all().item<bool>());
    EXPECT_LT(distance_from_plane(sequence, frame), 1e-3);  // half precision
  }
}

TEST(Clips, FramesOnBothSidesOfAHoleFollowEachOther) {
  const test::TempDir dir;
  data::test::write_vkitti(dir / "vkitti2");
  for (const char* kind : {"rgb/Camera_0/rgb_00004.jpg", "depth/Camera_0/depth_00004.png"})
    fs::remove(dir / "vkitti2" / "Scene02/clone/frames" / kind);
  const DataSet data = open_data_set(dir.path());
  const Sequence& sequence = *data.sequences.at(0);
  EXPECT_EQ(sequence.frames().size(), 11u);
  EXPECT_NE(sequence.frames()[4].find('5'), std::string::npos);
  EXPECT_EQ(sequence.rgb_HW3(4)[30][30][1].item<int>(), 45);
  const auto clip_T3hw = sequence.clip_T3hw({1, 2, 3, 4, 5, 7}, metrics::CropRule::kNone, 64, 128);
  const int numbers[] = {1, 2, 3, 5, 6, 8};
  for (int i = 0; i < 6; ++i) {
    EXPECT_NEAR((clip_T3hw[i][1][30][30].item<double>() + 1) * 127.5, 40 + numbers[i], 1.01);
  }
}

TEST(Clips, HypersimsClipHasOneExposure) {
  const test::TempDir dir;
  data::test::write_hypersim(dir / "hypersim");
  const DataSet data = open_data_set(dir.path(), {.layout = DataLayout::kHypersim});
  const auto clip_T3hw =
      data.sequences.at(0)->clip_T3hw({0, 1, 2, 3}, metrics::CropRule::kNone, 64, 64);
  ASSERT_EQ(clip_T3hw.sizes(), torch::IntArrayRef({4, 3, 64, 64}));
  // Blue is 0.1 (frame + 1), so with one exposure it grows as its power 1 / 2.2.
  const auto blue = [&](int t) { return (clip_T3hw[t][2][30][30].item<double>() + 1) / 2; };
  EXPECT_NEAR(blue(1) / blue(0), std::pow(2, 1 / 2.2), 0.02);
  EXPECT_NEAR(blue(2) / blue(0), std::pow(3, 1 / 2.2), 0.03);
}

TEST(Clips, AnUnreadableFrameIsNamed) {
  const test::TempDir dir;
  data::test::write_vkitti(dir / "vkitti2");
  const fs::path file = dir / "vkitti2" / "Scene02/clone/frames/depth/Camera_0/depth_00003.png";
  fs::resize_file(file, 30);
  const DataSet data = open_data_set(dir.path());
  EXPECT_THAT(test::thrown<DataError>([&] { data.sequences.at(0)->depth(3); }),
              HasSubstr("depth_00003.png"));
  EXPECT_TRUE(data.sequences.at(0)->depth(2).valid_HW.any().item<bool>());
}

}  // namespace
}  // namespace vdd::eval
