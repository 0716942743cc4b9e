// SPDX-License-Identifier: Apache-2.0
#include "vdd/data/dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <torch/torch.h>

#include <array>
#include <fstream>
#include <map>
#include <set>

#include "make_scenes.h"
#include "support/field_count.h"
#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/core/files.h"
#include "vdd/core/random.h"
#include "vdd/core/text.h"
#include "vdd/data/doctor.h"
#include "vdd/data/loader.h"
#include "vdd/io/video.h"

namespace vdd::data {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;
using ::vdd::test::TempDir;

DataConfig small(const fs::path& root) {
  DataConfig config;
  config.root = root.string();
  config.frames = 4;
  config.height = 64;
  config.width = 64;
  return config;
}

SourceConfig source(SourceKind kind, const fs::path& root) {
  SourceConfig s;
  s.kind = kind;
  s.root = root.string();
  return s;
}

/// Every valid depth, put into the world by the clip's own intrinsics and pose, lies on the plane.
void expect_on_plane(const Clip& clip, double tolerance) {
  const auto depth = clip.depth_THW.to(torch::kDouble);
  const auto height = depth.size(1), width = depth.size(2);
  for (int64_t t = 0; t < depth.size(0); ++t) {
    const auto rays =
        data::test::pixels_HW3(height, width).matmul(torch::linalg_inv(clip.intrinsics_T33[t]).t());
    const auto points = rays / rays.slice(2, 2, 3) * depth[t].unsqueeze(2);
    const auto pose = clip.poses_T44[t];
    const auto world =
        points.matmul(pose.slice(0, 0, 3).slice(1, 0, 3).t()) + pose.slice(0, 0, 3).select(1, 3);
    const double side = clip.flipped ? -1 : 1;  // a mirrored clip shows the mirrored world
    const auto n = torch::tensor({side * 0.1, -0.2, 1.0}, torch::kDouble);
    const auto error = ((world.matmul(n) - 8) / 8).abs().index({clip.valid_THW[t]});
    EXPECT_GT(error.numel(), height * width / 2);
    EXPECT_LT(error.max().item<double>(), tolerance) << clip.source_id << " frame " << t;
  }
}

class Scenes : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    scenes_ = new TempDir;
    const TempDir& dir = *scenes_;
    for (const char* scene : {"Scene01", "Scene02", "Scene06"}) {
      data::test::write_vkitti(dir / "vkitti2", {.scene = scene, .cameras = 2});
    }
    data::test::write_hypersim(dir / "hypersim", {});
    data::test::write_hypersim(dir / "hypersim", {.scene = "ai_002_001"});
    fs::create_directories(dir / "videos/folder");
    for (int i = 0; i < 9; ++i) {
      io::write_png(dir / "videos/folder" / (std::to_string(i) + ".png"),
                    data::test::picture(i, 64, 96));
    }
  }
  static void TearDownTestSuite() { delete scenes_; }
  void SetUp() override { fs::copy(scenes_->path(), dir_.path(), fs::copy_options::recursive); }

  TempDir dir_;  // each test's own

 private:
  static inline TempDir* scenes_ = nullptr;
};

bool equal_or_undefined(const at::Tensor& a, const at::Tensor& b) {
  return a.defined() == b.defined() && (!a.defined() || torch::equal(a, b));
}

TEST_F(Scenes, ContentAndOrderDoNotDependOnTheWorkers) {
  auto config = small(dir_.path());
  config.rgb_only = false;
  config.poses = true;
  std::vector<Clip> expected;
  ClipDataset direct(config);
  std::set<std::string> kinds;
  for (int64_t n = 3; n < 15; ++n) {
    expected.push_back(direct.load(7, n));
    kinds.insert(expected.back().source_id.substr(0, 6));
  }
  EXPECT_EQ(kinds, (std::set<std::string>{"hypers", "videos", "vkitti"}));
  for (const int workers : {0, 1, 7}) {
    Loader loader(std::make_shared<ClipDataset>(config), 7, 3, workers, 3);
    for (const auto& want : expected) {
      const Clip got = loader.next();
      EXPECT_EQ(got.source_id, want.source_id);
      EXPECT_EQ(got.content_key, want.content_key);
      EXPECT_EQ(got.sample, want.sample);
      EXPECT_TRUE(torch::equal(got.rgb_TCHW, want.rgb_TCHW));
      EXPECT_TRUE(equal_or_undefined(got.disparity_THW, want.disparity_THW));
      EXPECT_TRUE(equal_or_undefined(got.depth_THW, want.depth_THW));
      EXPECT_TRUE(equal_or_undefined(got.valid_THW, want.valid_THW));
      EXPECT_TRUE(equal_or_undefined(got.poses_T44, want.poses_T44));
      EXPECT_GE(loader.last_wait_seconds(), 0);
    }
  }
}

TEST_F(Scenes, EverySampleDependsOnSeedAndNumberOnly) {
  const ClipDataset dataset(small(dir_.path())), again(small(dir_.path()));
  std::set<std::string> ids, keys;
  for (int64_t n = 40; n-- > 0;) {
    EXPECT_EQ(dataset.plan(1, n).content_key, again.plan(1, n).content_key);
    ids.insert(dataset.plan(1, n).source_id);
    keys.insert(dataset.plan(1, n).content_key);
  }
  EXPECT_GT(ids.size(), 20u);
  EXPECT_EQ(keys.size(), 40u);  // the cut differs too
  EXPECT_NE(dataset.plan(1, 0).content_key, dataset.plan(2, 0).content_key);
  EXPECT_EQ(dataset.fingerprint().text(), again.fingerprint().text());
}

TEST_F(Scenes, KeysSurviveACopyAndSeeAChangedFile) {
  const TempDir copy;
  fs::copy(dir_.path(), copy / "moved", fs::copy_options::recursive);
  auto config = small(dir_.path()), with_depth = small(copy / "moved");
  with_depth.rgb_only = false;
  const ClipDataset moved(small(copy / "moved")), deep(with_depth);
  const auto key = ClipDataset(config).plan(0, 0).content_key;
  EXPECT_EQ(moved.plan(0, 0).content_key, key);
  const auto deep_key = deep.plan(0, 0).content_key;
  EXPECT_NE(deep_key, key);
  const auto change = [&](bool depth) {
    for (const auto& entry : fs::recursive_directory_iterator(copy / "moved")) {
      const bool is_depth = entry.path().filename().string().find("depth") != std::string::npos;
      if (!entry.is_regular_file() || is_depth != depth) continue;
      std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
      file.seekg(-1, std::ios::end);
      const char last = static_cast<char>(file.get() ^ 1);
      file.seekp(-1, std::ios::end);
      file.put(last);
    }
  };
  change(true);
  EXPECT_NE(deep.plan(0, 0).content_key, deep_key) << "as many bytes of depth, but others";
  EXPECT_EQ(moved.plan(0, 0).content_key, key) << "which reads no depth";
  change(false);
  EXPECT_NE(moved.plan(0, 0).content_key, key) << "as many bytes, but others";
  config.height = 128;
  EXPECT_NE(ClipDataset(config).plan(0, 0).content_key, key);
}

TEST_F(Scenes, AFrameThatIsNoFileIsRefusedAtOnce) {
  for (const auto& entry : fs::recursive_directory_iterator(dir_ / "vkitti2")) {
    if (entry.path().extension() != ".jpg") continue;
    fs::remove(entry.path());
    ASSERT_EQ(::mkfifo(entry.path().c_str(), 0600), 0);
  }
  ClipDataset dataset(small(dir_ / "vkitti2"));
  EXPECT_EQ(dataset.plan(0, 0).content_key.size(), 64u);
  EXPECT_THAT(::vdd::test::thrown<DataError>([&] { dataset.load(0, 0); }),
              HasSubstr("is a FIFO, not a file"));
}

TEST_F(Scenes, DrawsFollowTheConfig) {
  auto config = small(dir_.path());
  config.stride_min = 2;
  config.stride_max = 3;
  config.flip = 1;
  config.reverse = 0;
  const ClipDataset dataset(config);
  std::set<int64_t> strides;
  for (int64_t n = 0; n < 60; ++n) {
    const auto plan = dataset.plan(0, n);
    EXPECT_TRUE(plan.flipped);
    EXPECT_FALSE(plan.reversed);
    EXPECT_GE(plan.first, 0);
    EXPECT_LT(plan.first + 3 * plan.stride, 12);
    EXPECT_GE(plan.stride, 2);
    EXPECT_LE(plan.stride, plan.source_id.starts_with("hypersim") ? 2 : 3);
    strides.insert(plan.stride);
  }
  EXPECT_EQ(strides, (std::set<int64_t>{2, 3}));
}

TEST_F(Scenes, HoldoutIsNeverTrainedOn) {
  const ClipDataset train(small(dir_.path())), validation(small(dir_.path()), Split::kValidation);
  for (int64_t n = 0; n < 100; ++n) {
    EXPECT_THAT(train.plan(0, n).source_id, testing::Not(HasSubstr("Scene01")));
    const auto plan = validation.plan(0, n);
    EXPECT_THAT(plan.source_id, testing::StartsWith("vkitti2/Scene01/"));
    EXPECT_FALSE(plan.flipped || plan.reversed);
    EXPECT_EQ(plan.crop_x, 0.5);
    EXPECT_EQ(plan.stride, 1);
  }
}

TEST_F(Scenes, AFixedSmallSetComesAgain) {
  auto config = small(dir_.path());
  config.clips = 3;
  const ClipDataset dataset(config);
  for (int64_t n = 0; n < 9; ++n) {
    EXPECT_EQ(dataset.plan(0, n).content_key, dataset.plan(0, n % 3).content_key);
    EXPECT_EQ(dataset.plan(0, n).sample, n % 3);
  }
}

TEST_F(Scenes, ClipsMayDrawTheirLengths) {
  auto config = small(dir_ / "hypersim");  // trajectories of 12 frames
  config.frames = 110;
  config.frames_min = 3;
  ClipDataset dataset(config);
  std::map<int64_t, int> counts;
  for (int64_t n = 0; n < 1000; ++n) {
    const auto plan = dataset.plan(5, n);
    EXPECT_EQ(plan.frames, 3 + Random(derive_seed(5, n, "length")).below(10));
    EXPECT_GE(plan.first, 0);
    EXPECT_LE(plan.first + plan.frames, 12);
    ++counts[plan.frames];
  }
  EXPECT_EQ(counts.size(), 10u);
  for (const auto& [frames, count] : counts) EXPECT_NEAR(count, 100, 40) << frames;
  for (int64_t n = 0; n < 4; ++n) {
    const Clip clip = dataset.load(5, n);
    EXPECT_EQ(clip.frames, dataset.plan(5, n).frames);
    EXPECT_EQ(clip.rgb_TCHW.size(0), clip.frames);
  }

  config.frames_min = 13;
  EXPECT_THAT(::vdd::test::thrown<DataError>([&] { ClipDataset{config}; }),
              HasSubstr("no sequence of 13 frames in a row is left to train on"));
}

TEST_F(Scenes, DrawnLengthsKeepToTheStrides) {
  auto config = small(dir_ / "vkitti2");  // sequences of 12 frames
  config.frames = 9;
  config.frames_min = 2;
  config.stride_min = 2;
  config.stride_max = 3;
  const ClipDataset dataset(config);
  std::set<int64_t> lengths, strides;
  for (int64_t n = 0; n < 100; ++n) {
    const auto plan = dataset.plan(0, n);
    EXPECT_GE(plan.stride, 2);
    EXPECT_LE(plan.stride, 3);
    EXPECT_GE(plan.first, 0);
    EXPECT_LT(plan.first + (plan.frames - 1) * plan.stride, 12);
    lengths.insert(plan.frames);
    strides.insert(plan.stride);
  }
  EXPECT_EQ(lengths, (std::set<int64_t>{2, 3, 4, 5, 6}));
  EXPECT_EQ(strides, (std::set<int64_t>{2, 3}));
}

TEST_F(Scenes, OnlyLengthsThatDifferChangeADraw) {
  auto config = small(dir_.path());
  const ClipDataset fixed(config);
  config.frames_min = config.frames;
  const ClipDataset same(config);
  for (int64_t n = 0; n < 20; ++n) {
    EXPECT_EQ(same.plan(3, n).content_key, fixed.plan(3, n).content_key);
  }
}

TEST_F(Scenes, ContentKeysTellLengthsApart) {
  const TempDir tree;
  data::test::write_vkitti(tree.path(), {.frames = 2});
  auto config = small(tree.path());
  config.frames = 2;
  config.frames_min = 1;
  config.flip = config.reverse = 0;
  config.crop = CropPlace::kCenter;
  const ClipDataset dataset(config);
  std::map<std::string, std::set<std::string>> keys;
  std::set<std::string> all;
  for (int64_t n = 0; n < 40; ++n) {
    const auto plan = dataset.plan(0, n);
    keys[plan.source_id].insert(plan.content_key);
    all.insert(plan.content_key);
  }
  EXPECT_EQ(keys.size(), 3u) << "either frame, or both";
  EXPECT_EQ(all.size(), 3u);
}

TEST_F(Scenes, ValidationTakesTheMostFrames) {
  auto config = small(dir_.path());
  config.frames_min = 3;
  for (const int64_t frames : {10, 20}) {
    config.frames = frames;
    const ClipDataset validation(config, Split::kValidation);
    for (int64_t n = 0; n < 10; ++n) {
      EXPECT_EQ(validation.plan(0, n).frames, std::min<int64_t>(frames, 12));
    }
  }
}

TEST_F(Scenes, WeightsSetTheShares) {
  auto config = small("");
  config.root.clear();
  config.sources = {source(SourceKind::kVirtualKitti, dir_ / "vkitti2"),
                    source(SourceKind::kHypersim, dir_ / "hypersim")};
  config.sources[1].weight = 9;
  const ClipDataset dataset(config);
  int hypersim = 0;
  for (int64_t n = 0; n < 2000; ++n) hypersim += dataset.plan(0, n).source == 1;
  EXPECT_NEAR(hypersim, 1800, 60);
}

TEST_F(Scenes, ARootMayBeAPattern) {
  for (const char* place : {"b", "a"}) {
    fs::create_directory(dir_ / place);
    fs::copy(dir_ / "vkitti2", dir_ / place / "vkitti2", fs::copy_options::recursive);
  }
  auto config = small("");
  config.root.clear();
  config.sources = {source(SourceKind::kVirtualKitti, dir_ / "?/vkitti2"),
                    source(SourceKind::kHypersim, dir_ / "hypersim")};
  const ClipDataset dataset(config);
  const auto summary = dataset.summary();
  ASSERT_EQ(summary.size(), 3u);
  EXPECT_THAT(summary[0], HasSubstr("/a/vkitti2"));
  EXPECT_THAT(summary[1], HasSubstr("/b/vkitti2"));
  std::array<int, 3> clips{};
  for (int64_t n = 0; n < 2000; ++n) ++clips.at(dataset.plan(0, n).source);
  EXPECT_NEAR(clips[0], 500, 60);
  EXPECT_NEAR(clips[2], 1000, 60);

  config.sources[0].root = (dir_ / "*/kitti").string();
  EXPECT_THAT(vdd::test::thrown<DataError>([&] { ClipDataset{config}; }),
              HasSubstr("/*/kitti: no folder matches"));
  config.sources[0].root = (dir_ / "?/vkitti2").string();
  config.holdout = {"vkitti2/*"};
  EXPECT_THAT(vdd::test::thrown<DataError>([&] { ClipDataset{config}; }),
              HasSubstr("no sequence of 4 frames in a row is left to train on"));
}

TEST_F(Scenes, VirtualKittiDepthLiesOnThePlane) {
  auto config = small(dir_ / "vkitti2");
  config.rgb_only = false;
  config.poses = true;
  config.height = 64, config.width = 128;  // as stored, so depth is that of the pixel centre
  ClipDataset dataset(config);
  for (int64_t n = 0; n < 4; ++n) {
    const Clip clip = dataset.load(0, n);
    expect_on_plane(clip, 2e-3);  // centimetres
    EXPECT_TRUE(clip.sky_THW.slice(1, 0, 8).all().item<bool>());
    EXPECT_FALSE(clip.sky_THW.slice(1, 8).any().item<bool>());
    EXPECT_FALSE(clip.valid_THW.slice(1, 0, 8).any().item<bool>());
    EXPECT_EQ(clip.disparity_THW.slice(1, 0, 8).abs().max().item<float>(), 0);
  }
}

TEST_F(Scenes, HypersimDepthLiesOnThePlaneThroughATiltedLens) {
  auto config = small(dir_ / "hypersim");
  config.rgb_only = false;
  config.poses = true;
  config.height = 64, config.width = 64;  // cut out of 64 x 96
  ClipDataset dataset(config);
  for (int64_t n = 0; n < 6; ++n) expect_on_plane(dataset.load(0, n), 1e-3);  // half
}

TEST_F(Scenes, DisparityIsNormalisedOverTheClip) {
  for (const auto range : {DisparityRange::kMinMax, DisparityRange::kQuantile}) {
    auto config = small(dir_ / "vkitti2");
    config.rgb_only = false;
    config.disparity_range = range;
    const Clip clip = ClipDataset(config).load(0, 1);
    const auto inverse = (1 / clip.depth_THW).index({clip.valid_THW});
    const auto sorted = std::get<0>(inverse.sort());
    const bool quantile = config.disparity_range == DisparityRange::kQuantile;
    const auto rank = [&](double q) {
      return sorted[static_cast<int64_t>(q * static_cast<double>(sorted.numel() - 1))]
          .item<float>();
    };
    const float low = rank(quantile ? 0.02 : 0), high = rank(quantile ? 0.98 : 1);
    const auto expected = ((inverse - low) / (high - low)).clamp(0, 1);
    EXPECT_TRUE(torch::allclose(clip.disparity_THW.index({clip.valid_THW}), expected, 0, 1e-5))
        << to_name(range);
  }
}

TEST_F(Scenes, RgbOnlyReadsNoDepth) {
  fs::remove_all(dir_ / "vkitti2/Scene02/clone/frames/depth");
  fs::remove_all(dir_ / "vkitti2/Scene06/clone/frames/depth");
  const Clip clip = ClipDataset(small(dir_ / "vkitti2")).load(0, 0);
  EXPECT_EQ(clip.rgb_TCHW.sizes(), (std::vector<int64_t>{4, 3, 64, 64}));
  EXPECT_FALSE(clip.depth_THW.defined() || clip.disparity_THW.defined() ||
               clip.valid_THW.defined());
}

TEST_F(Scenes, PicturesWithoutTheDepthThatIsAskedForAreNotBlamedOnTheSplit) {
  for (const char* scene : {"Scene01", "Scene02", "Scene06"}) {
    fs::remove_all(dir_ / "vkitti2" / scene / "clone/frames/depth");
  }
  for (const char* scene : {"ai_001_001", "ai_002_001"}) {
    fs::remove_all(dir_ / "hypersim/scenes" / scene / "images/scene_cam_00_geometry_hdf5");
  }
  fs::remove_all(dir_ / "videos");
  auto config = small("");
  config.rgb_only = false;
  const auto refusal = [&](const fs::path& root) {
    config.root = root.string();
    return vdd::test::thrown<DataError>([&] { ClipDataset{config}; });
  };
  EXPECT_EQ(refusal(dir_ / "vkitti2"),
            concat((dir_ / "vkitti2").string(), ": no sequence of 4 frames in a row has depth ",
                   "(virtual_kitti; left out: 48 frames without depth)"));
  EXPECT_THAT(refusal(dir_ / "hypersim"),
              HasSubstr("no sequence of 4 frames in a row has depth (hypersim; left out: 24 "));
  EXPECT_EQ(refusal(dir_.path()), concat(dir_.path().string(), ": no clip of 4 frames has depth"));
  config.frames = 13;
  EXPECT_THAT(refusal(dir_ / "vkitti2"), HasSubstr("13 frames in a row is left to train on"));
}

TEST_F(Scenes, FramesComeInTheOrderOfThePlan) {
  ClipDataset dataset(small(dir_.path()));
  for (int64_t n = 0; n < 12; ++n) {
    const auto plan = dataset.plan(5, n);
    if (plan.source_id.starts_with("hypersim")) continue;
    const auto rgb = (dataset.load(plan).rgb_TCHW + 1) * 127.5;
    for (int64_t t = 0; t < 4; ++t) {
      const int64_t frame = plan.first + plan.stride * (plan.reversed ? 3 - t : t);
      EXPECT_NEAR(rgb[t][1].mean().item<float>(), 40 + static_cast<float>(frame), 1.5)
          << plan.source_id;
    }
    const auto red = rgb.select(1, 0).mean(torch::IntArrayRef{0, 1});
    EXPECT_EQ(red[0].item<float>() > red[63].item<float>(), plan.flipped);
  }
}

TEST_F(Scenes, OneExposureForAClip) {
  auto config = small(dir_ / "hypersim");
  config.flip = config.reverse = 0;
  const auto rgb = ClipDataset(config).load(0, 0).rgb_TCHW;
  // Colour grows from frame to frame in the scene; with an exposure a frame it would not.
  for (int64_t t = 1; t < 4; ++t)
    EXPECT_GT(rgb[t].mean().item<float>(), rgb[t - 1].mean().item<float>() + 0.005f);
}

TEST_F(Scenes, AllThreeTreesOfVirtualKitti) {
  auto config = small("");
  config.rgb_only = false;
  config.poses = true;
  config.holdout.clear();
  std::vector<Clip> clips;
  for (const auto& [rgb, depth, text] :
       {std::array{"", "", ""}, std::array{"rgb", "depth", "textgt"},
        std::array{"vkitti_2.0.3_rgb", "vkitti_2.0.3_depth", "vkitti_2.0.3_textgt"}}) {
    const TempDir tree;
    data::test::write_vkitti(tree.path(),
                             {.rgb_tree = rgb, .depth_tree = depth, .text_tree = text});
    config.root = tree.path().string();
    clips.push_back(ClipDataset(config).load(0, 0));
    EXPECT_TRUE(clips.back().poses_T44.defined());
    EXPECT_TRUE(torch::equal(clips.back().depth_THW, clips.front().depth_THW));
  }
}

TEST_F(Scenes, MissingFramesBreakRuns) {
  TempDir tree;
  data::test::write_vkitti(tree.path(), {});
  fs::remove(tree / "Scene02/clone/frames/rgb/Camera_0/rgb_00005.jpg");
  auto config = small(tree.path());
  config.stride_max = 1;
  const ClipDataset dataset(config);
  for (int64_t n = 0; n < 50; ++n) {
    const auto plan = dataset.plan(0, n);
    EXPECT_TRUE(plan.first + 3 < 5 || plan.first > 5);
  }
}

TEST_F(Scenes, TheDoctorReadsTheCamerasToo) {
  TempDir tree;
  data::test::write_vkitti(tree.path(), {});
  EXPECT_THAT(check_data_set(tree.path()), HasSubstr("12 frames"));
  tree.write("Scene02/clone/intrinsic.txt", "frame cameraID K[0,0] K[1,1] K[0,2] K[1,2]\n0 0 1\n");
  try {
    check_data_set(tree.path());
    FAIL();
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(), HasSubstr("clone/intrinsic.txt: line 2"));
  }
  fs::remove(tree / "Scene02/clone/intrinsic.txt");  // a download of its own
  EXPECT_THAT(check_data_set(tree.path()), HasSubstr("12 frames"));
}

TEST_F(Scenes, HypersimKeepsToTheSplitAndTheBrokenList) {
  data::test::write_hypersim(dir_ / "hypersim", {.scene = "ai_003_001"});  // cam_00 is broken
  std::string csv =
      "scene_name,camera_name,frame_id,included_in_public_release,exclude_reason,split_partition_"
      "name\n";
  for (int i = 0; i < 12; ++i) {
    const std::string tail = "," + std::to_string(i) + (i == 4 ? ",False,flagged,\n" : ",True,,");
    csv += "ai_001_001,cam_00" + tail + (i == 4 ? "" : "train\n");
    csv += "ai_002_001,cam_00" + tail + (i == 4 ? "" : "val\n");
    csv += "ai_003_001,cam_00" + tail + (i == 4 ? "" : "train\n");
  }
  dir_.write("hypersim/metadata_images_split_scene_v1.csv", csv);
  const ClipDataset train(small(dir_ / "hypersim")),
      validation(small(dir_ / "hypersim"), Split::kValidation);
  for (int64_t n = 0; n < 40; ++n) {
    const auto plan = train.plan(0, n);
    EXPECT_THAT(plan.source_id, testing::StartsWith("hypersim/ai_001_001/"));
    EXPECT_TRUE(plan.first + 3 < 4 || plan.first > 4);
    EXPECT_THAT(validation.plan(0, n).source_id, testing::StartsWith("hypersim/ai_002_001/"));
  }
  EXPECT_THAT(train.summary().at(0), HasSubstr("1 trajectories known to be broken"));
}

TEST_F(Scenes, ACutFileStopsByDefault) {
  auto config = small(dir_ / "vkitti2");
  const fs::path file = dir_ / "vkitti2/Scene02/clone/frames/rgb/Camera_0/rgb_00006.jpg";
  fs::resize_file(file, fs::file_size(file) / 2);
  auto dataset = std::make_shared<ClipDataset>(config);
  int64_t bad = 0;
  while (dataset->plan(0, bad).source_id.find("Scene02/clone/Camera_0#0000") == std::string::npos ||
         dataset->plan(0, bad).first > 6 || dataset->plan(0, bad).first + 3 < 6 ||
         dataset->plan(0, bad).stride != 1) {
    ++bad;
  }
  EXPECT_THAT(::vdd::test::thrown<DataError>([&] { dataset->load(0, bad); }),
              HasSubstr("rgb_00006.jpg: bad JPEG"));
  for (const int workers : {0, 1, 7}) {
    Loader loader(dataset, 0, bad, workers, 4);
    EXPECT_THAT(::vdd::test::thrown<DataError>([&] { loader.next(); }),
                HasSubstr("rgb_00006.jpg: bad JPEG"));
  }
}

TEST_F(Scenes, SkipDrawsAnotherClipTheSameForAnyWorkers) {
  auto config = small(dir_ / "vkitti2");
  config.on_bad_sample = OnBadSample::kSkip;
  for (const char* scene : {"Scene02", "Scene06"}) {
    const fs::path file = dir_ / "vkitti2" / scene / "clone/frames/rgb/Camera_0/rgb_00006.jpg";
    fs::resize_file(file, fs::file_size(file) / 2);
  }
  std::vector<std::string> expected;
  int64_t skipped = 0;
  ClipDataset direct(config);
  for (int64_t n = 0; n < 20; ++n) {
    const Clip clip = direct.load(0, n);
    expected.push_back(clip.content_key);
    skipped += clip.bad_samples;
    EXPECT_TRUE(clip.rgb_TCHW.isfinite().all().item<bool>());
  }
  EXPECT_GT(skipped, 0);
  for (const int workers : {0, 1, 7}) {
    Loader loader(std::make_shared<ClipDataset>(config), 0, 0, workers, 3);
    for (const auto& key : expected) EXPECT_EQ(loader.next().content_key, key);
  }
  config.max_bad_samples = 1;
  ClipDataset strict(config);
  EXPECT_THAT(::vdd::test::thrown<Error>([&] {
                for (int64_t n = 0; n < 40; ++n) strict.load(0, n);
              }),
              HasSubstr("more unusable samples than data.max_bad_samples = 1"));
}

TEST_F(Scenes, FramesWithoutAnythingAreUnusable) {
  const fs::path images = dir_ / "hypersim/scenes/ai_001_001/images";
  io::write_hdf5(images / "scene_cam_00_geometry_hdf5/frame.0000.depth_meters.hdf5",
                 torch::full({64, 96}, std::numeric_limits<float>::quiet_NaN()).to(torch::kHalf));
  io::write_hdf5(images / "scene_cam_00_final_hdf5/frame.0001.color.hdf5",
                 torch::zeros({64, 96, 3}, torch::kHalf));
  auto config = small(dir_ / "hypersim");
  config.frames = 1;
  config.rgb_only = false;
  const ClipDataset dataset(config);
  const auto plans = dataset.all_frames();
  EXPECT_THAT(::vdd::test::thrown<DataError>([&] { dataset.load(plans[0]); }),
              HasSubstr("no valid depth"));
  EXPECT_THAT(::vdd::test::thrown<DataError>([&] { dataset.load(plans[1]); }), HasSubstr("black"));
  EXPECT_NO_THROW(dataset.load(plans[2]));

  const auto reports = read_data_sets(dir_.path(), 2);
  ASSERT_EQ(reports.size(), 3u);
  EXPECT_EQ(reports[1].problems.size(), 2u) << reports[1].summary;
  EXPECT_EQ(reports[0].problems.size() + reports[2].problems.size(), 0u);
}

TEST_F(Scenes, HypersimDepthMayBeOfAnyFloatingType) {
  auto config = small(dir_ / "hypersim");
  config.frames = 1;
  config.rgb_only = false;
  const ClipDataset dataset(config);
  const auto plan = dataset.all_frames()[0];
  const torch::Tensor expected = dataset.load(plan).depth_THW;
  const fs::path file = dir_ /
                        "hypersim/scenes/ai_001_001/images/scene_cam_00_geometry_hdf5/"
                        "frame.0000.depth_meters.hdf5";
  const std::string summary = check_depth_hdf5(file);
  const torch::Tensor halves = io::read_hdf5(file);
  for (const auto type : {torch::kFloat, torch::kDouble}) {
    io::write_hdf5(file, halves.to(type));
    EXPECT_TRUE(torch::equal(dataset.load(plan).depth_THW, expected));
    EXPECT_EQ(check_depth_hdf5(file), summary);
  }
  io::write_hdf5(file, halves.nan_to_num().to(torch::kShort));
  EXPECT_THAT(::vdd::test::thrown<DataError>([&] { dataset.load(plan); }),
              HasSubstr("type Short; wanted Float"));
}

TEST_F(Scenes, PixelsMayBeLeftOut) {
  const auto dataset = std::make_shared<ClipDataset>(small(dir_.path()));
  Loader loader(dataset, 0, 0, 2, 2, [](const ClipPlan& plan) { return plan.sample % 2 == 0; });
  for (int64_t n = 0; n < 6; ++n) {
    const Clip clip = loader.next();
    EXPECT_EQ(clip.rgb_TCHW.defined(), n % 2 == 0);
    EXPECT_EQ(clip.content_key, dataset->plan(0, n).content_key);
  }
}

TEST_F(Scenes, SamplesMayBeLeftOut) {
  const auto dataset = std::make_shared<ClipDataset>(small(dir_.path()));
  Loader loader(dataset, 7, 2, 2, 3, nullptr, /*step=*/5);
  for (const int64_t n : {2, 7, 12, 17}) {
    const Clip got = loader.next(), want = dataset->load(7, n);
    EXPECT_EQ(got.sample, n);
    EXPECT_EQ(got.content_key, want.content_key);
    EXPECT_TRUE(torch::equal(got.rgb_TCHW, want.rgb_TCHW));
  }
}

TEST_F(Scenes, VideoFilesAndFoldersGiveTheSame) {
  const TempDir tree;
  io::VideoWriter writer(tree / "clip.avi", 64, 96, 10);
  for (int i = 0; i < 9; ++i) writer.write(data::test::picture(i, 64, 96));
  writer.close();
  auto config = small(tree.path());
  config.reverse = 1;
  config.flip = 0;
  config.crop = CropPlace::kCenter;
  ClipDataset file(config);
  config.root = (dir_ / "videos").string();
  ClipDataset folder(config);
  for (int64_t n = 0; n < 5; ++n) {
    const auto a = file.load(0, n).rgb_TCHW, b = folder.load(0, n).rgb_TCHW;
    EXPECT_LT((a - b).abs().max().item<float>(), 8 / 127.5f);  // Motion JPEG is lossy
  }
}

TEST(ClipDataset, SaysWhatIsMissing) {
  const TempDir dir, circle;
  fs::create_symlink("loop", circle / "loop");
  EXPECT_THAT(::vdd::test::thrown<DataError>([&] { ClipDataset d(small(circle / "loop")); }),
              HasSubstr("loop: cannot be examined: "));
  EXPECT_THROW(ClipDataset(DataConfig{}), ConfigError);
  EXPECT_THAT(::vdd::test::thrown<DataError>([&] { ClipDataset d(small(dir / "nowhere")); }),
              HasSubstr("nowhere: no such folder"));
  EXPECT_THAT(::vdd::test::thrown<DataError>([&] { ClipDataset d(small(dir.path())); }),
              HasSubstr("no data set here"));
  data::test::write_vkitti(dir.path(), {.scene = "Scene01"});
  EXPECT_THAT(::vdd::test::thrown<DataError>([&] { ClipDataset d(small(dir.path())); }),
              HasSubstr("data.holdout"));
  EXPECT_TRUE(ClipDataset(small(dir.path()), Split::kValidation)
                  .plan(0, 0)
                  .source_id.starts_with("vkitti2/Scene01"));
}

TEST(DataConfig, ListsEveryFieldAndChecksAcrossThem) {
  EXPECT_EQ(::vdd::test::listed_fields<DataConfig>(), ::vdd::test::count_members<DataConfig>());
  EXPECT_EQ(::vdd::test::listed_fields<SourceConfig>(), ::vdd::test::count_members<SourceConfig>());
  DataConfig config;
  EXPECT_TRUE(config.check().empty());
  config.frames_min = config.frames;
  EXPECT_TRUE(config.check().empty());
  ++config.frames_min;
  EXPECT_FALSE(config.check().empty());
  config = {};
  config.stride_min = 9;
  EXPECT_FALSE(config.check().empty());
}

}  // namespace
}  // namespace vdd::data
