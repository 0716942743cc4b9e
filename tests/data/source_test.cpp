// SPDX-License-Identifier: Apache-2.0
#include "source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "make_scenes.h"
#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"
#include "vdd/data/dataset.h"
#include "vdd/io/hdf5.h"
#include "vdd/io/image.h"

namespace vdd::data {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using ::vdd::test::TempDir;

/// Describes runs as "name first+length".
std::vector<std::string> run_texts(const std::vector<data::Run>& runs) {
  std::vector<std::string> texts;
  for (const Run& run : runs) texts.push_back(concat(run.name, ' ', run.first, '+', run.length));
  return texts;
}

/// Names files as seen from a folder.
std::vector<std::string> names_below(const fs::path& folder, const std::vector<fs::path>& files) {
  std::vector<std::string> names;
  for (const fs::path& file : files) {
    names.push_back(file.lexically_relative(folder).generic_string());
  }
  return names;
}

/// Describes the found sources as "kind folder", the folder as seen from `root`.
std::vector<std::string> found_in(const fs::path& root) {
  std::vector<std::string> texts;
  for (const SourceConfig& found : find_sources(root)) {
    texts.push_back(concat(to_name(found.kind), ' ',
                           fs::path(found.root).lexically_relative(root).generic_string()));
  }
  return texts;
}

std::unique_ptr<Source> open_whole(SourceKind kind, const fs::path& root,
                                   const DataConfig& config) {
  SourceConfig chosen;
  chosen.kind = kind;
  chosen.root = root.string();
  return open_source(chosen, config, Split::kAll);
}

DataConfig clips_of(std::int64_t frames, bool rgb_only) {
  DataConfig config;
  config.frames = frames;
  config.rgb_only = rgb_only;
  return config;
}

/// The pictures of a clip, read in the calling thread.
struct FilledClip {
  FilledClip(const Source& from, const ClipPlan& plan, const DataConfig& config)
      : rgb(torch::empty({plan.frames, 3, config.height, config.width})),
        depth(torch::empty({plan.frames, config.height, config.width})),
        valid(torch::empty_like(depth, torch::kBool)),
        sky(torch::empty_like(depth, torch::kBool)),
        sizes(static_cast<std::size_t>(2 * plan.frames)) {
    const ClipBuffers out{.frames = plan.frames,
                          .height = config.height,
                          .width = config.width,
                          .rgb = rgb.data_ptr<float>(),
                          .depth = depth.data_ptr<float>(),
                          .valid = valid.data_ptr<bool>(),
                          .sky = sky.data_ptr<bool>(),
                          .stored_size = sizes.data()};
    for (const TaskGroup& group : from.read(plan, out)) {
      for (std::int64_t i = 0; i < group.tasks; ++i) group.run(i);
      if (group.finish) group.finish();
    }
  }

  torch::Tensor rgb, depth, valid, sky;
  std::vector<int> sizes;
};

/// The first frame of the first run.
ClipPlan first_frame() {
  ClipPlan plan;
  plan.frames = 1;
  return plan;
}

TEST(Padded, FillsUpWithZerosAndCutsNothing) {
  EXPECT_EQ(padded(7, 5), "00007");
  EXPECT_EQ(padded(0, 4), "0000");
  EXPECT_EQ(padded(12345, 5), "12345");
  EXPECT_EQ(padded(123456, 5), "123456");
}

TEST(FrameNumber, CountsFromTheFirstFrameOrBackToIt) {
  ClipPlan plan;
  plan.first = 10;
  plan.stride = 3;
  plan.frames = 3;
  EXPECT_EQ(frame_number(plan, 0), 10);
  EXPECT_EQ(frame_number(plan, 2), 16);
  plan.reversed = true;
  EXPECT_EQ(frame_number(plan, 0), 16);
  EXPECT_EQ(frame_number(plan, 2), 10);
}

TEST(AppendRuns, BreaksWhereANumberIsMissing) {
  std::vector<data::Run> runs(1);
  append_runs("a", "group", {3, 4, 5, 7, 8, 9, 10, 20}, clips_of(2, true), runs);
  EXPECT_THAT(run_texts(runs), ElementsAre(" 0+0", "a 3+3", "a 7+4"));
  EXPECT_EQ(runs.back().group, "group");
  append_runs("b", "", {}, clips_of(1, true), runs);
  EXPECT_EQ(runs.size(), 3u);
}

TEST(AppendRuns, KeepsARunThatHoldsOneClipOfTheSmallestStride) {
  DataConfig config = clips_of(3, true);
  config.stride_min = 2;  // frames 0, 2 and 4 of a run
  std::vector<data::Run> runs;
  append_runs("four", "", {0, 1, 2, 3}, config, runs);
  append_runs("five", "", {0, 1, 2, 3, 4}, config, runs);
  EXPECT_THAT(run_texts(runs), ElementsAre("five 0+5"));
  append_runs("one", "", {6}, clips_of(1, true), runs);
  EXPECT_THAT(run_texts(runs), ElementsAre("five 0+5", "one 6+1"));
}

TEST(ListNumbers, TakesWhatIsDigitsBetweenPrefixAndSuffix) {
  const TempDir dir;
  for (const char* name : {"rgb_00010.jpg", "rgb_00009.jpg", "rgb_7.jpg", "rgb_.jpg", "rgb_1a.jpg",
                           "rgb_-5.jpg", "rgb_00003.png", "depth_00004.jpg", "xrgb_00005.jpg"}) {
    dir.write(name, "");
  }
  EXPECT_THAT(list_numbers(dir.path(), "rgb_", ".jpg"), ElementsAre(7, 9, 10));
  EXPECT_TRUE(list_numbers(dir / "nowhere", "rgb_", ".jpg").empty());
}

TEST(ListFolders, TakesFoldersOfPlainNamesThatMatch) {
  const TempDir dir;
  for (const char* name : {"Scene02", "Scene01", "Scene 3", "Scene001"}) {
    fs::create_directory(dir / name);
  }
  dir.write("Scene04", "a file");
  EXPECT_THAT(list_folders(dir.path(), "Scene??"), ElementsAre("Scene01", "Scene02"));
  EXPECT_TRUE(list_folders(dir / "nowhere", "*").empty());
}

TEST(Selection, ExcludeIsStrongerThanInclude) {
  SourceConfig chosen;
  const DataConfig config{};
  const auto takes = [&](const std::string& name) {
    return Selection(chosen, config, Split::kAll).takes(name);
  };
  EXPECT_TRUE(takes("hypersim/ai_001_001/cam_00"));
  chosen.include = {"vkitti2/Scene02/*", "vkitti2/Scene06/*"};
  chosen.exclude = {"*/fog/*"};
  EXPECT_FALSE(takes("hypersim/ai_001_001/cam_00"));
  EXPECT_TRUE(takes("vkitti2/Scene06/clone/Camera_0"));
  EXPECT_FALSE(takes("vkitti2/Scene06/fog/Camera_0"));
}

TEST(Selection, EachSequenceIsTrainedOnOrHeldOut) {
  const SourceConfig chosen{};
  DataConfig config;
  config.holdout = {"*/Scene01/*"};
  const Selection train(chosen, config, Split::kTrain),
      validation(chosen, config, Split::kValidation), all(chosen, config, Split::kAll);
  const std::string held = "vkitti2/Scene01/clone/Camera_0",
                    other = "vkitti2/Scene02/clone/Camera_0";
  EXPECT_FALSE(train.takes(held));
  EXPECT_TRUE(validation.takes(held));
  EXPECT_TRUE(train.takes(other));
  EXPECT_FALSE(validation.takes(other));
  // The data set's own list keeps it.
  EXPECT_FALSE(train.takes(other, true));
  EXPECT_TRUE(validation.takes(other, true));
  for (const bool kept : {false, true}) {
    EXPECT_TRUE(all.takes(held, kept) && all.takes(other, kept));
  }
}

TEST(FindSources, LooksIntoTheFoldersOfTheDataSets) {
  const TempDir dir;
  fs::create_directories(dir / "vkitti2/Scene01");
  fs::create_directories(dir / "hypersim/scenes/ai_001_001");
  dir.write("videos/street/0.png", "");
  EXPECT_THAT(found_in(dir.path()),
              ElementsAre("virtual_kitti vkitti2", "hypersim hypersim", "videos videos"));
  EXPECT_THAT(found_in(dir / "videos"), ElementsAre("videos ."));
}

TEST(FindSources, LooksForVideosFourFoldersDeep) {
  const TempDir dir;
  dir.write("videos/a/b/c/d/0.png", "");
  EXPECT_THAT(found_in(dir.path()), ElementsAre("videos videos"));
  const TempDir deeper;
  deeper.write("videos/a/b/c/d/e/0.png", "");
  EXPECT_THROW(find_sources(deeper.path()), DataError);
}

TEST(FindSources, KnowsEveryTreeOfADataSet) {
  for (const char* tree : {"Scene01", "rgb/Scene01", "vkitti_2.0.3_rgb/Scene01"}) {
    const TempDir dir;
    fs::create_directories(dir / tree);
    EXPECT_THAT(found_in(dir.path()), ElementsAre("virtual_kitti .")) << tree;
  }
  for (const char* tree :
       {"ai_001_001", "scenes/ai_001_001", "evermotion_dataset/scenes/ai_001_001"}) {
    const TempDir dir;
    fs::create_directories(dir / tree);
    EXPECT_THAT(found_in(dir.path()), ElementsAre("hypersim .")) << tree;
  }
}

TEST(FindSources, TakesLooseVideosOnlyWhereNothingElseIs) {
  const TempDir dir;
  dir.write("clip.mp4", "");
  EXPECT_THAT(found_in(dir.path()), ElementsAre("videos ."));
  fs::create_directory(dir / "Scene01");
  EXPECT_THAT(found_in(dir.path()), ElementsAre("virtual_kitti ."));
}

TEST(FindSources, RefusesAFolderWithoutADataSet) {
  const TempDir dir;
  dir.write("notes.txt", "");
  const std::string place = dir.path().string();
  EXPECT_THAT(::vdd::test::thrown<DataError>([&] { find_sources(dir.path()); }),
              testing::StartsWith(place + ": no data set here"));
  EXPECT_EQ(::vdd::test::thrown<DataError>([&] { find_sources(dir / "none"); }),
            place + "/none: no such folder");
}

TEST(OpenSource, NamesTheFolderAndTheLayoutThatIsWanted) {
  const TempDir dir;
  dir.write("notes.txt", "");
  const std::string place = dir.path().string();
  const auto refusal = [&](SourceKind kind, const fs::path& root) {
    return ::vdd::test::thrown<DataError>([&] { open_whole(kind, root, clips_of(1, true)); });
  };
  for (const auto kind : {SourceKind::kVirtualKitti, SourceKind::kHypersim, SourceKind::kVideos}) {
    EXPECT_EQ(refusal(kind, dir / "none"), place + "/none: no such folder");
  }
  EXPECT_THAT(refusal(SourceKind::kVirtualKitti, dir.path()),
              testing::StartsWith(place + ": no SceneNN/<variant>/frames/rgb/ here"));
  EXPECT_THAT(refusal(SourceKind::kHypersim, dir.path()),
              testing::StartsWith(place + ": no ai_*/ here"));
  EXPECT_THAT(refusal(SourceKind::kVideos, dir.path()),
              testing::StartsWith(place + ": holds no video file"));
}

TEST(Videos, FoldersOfFramesLieUpToFourDeep) {
  const TempDir dir;
  for (const char* name : {"a/b/c/d/10.png", "a/b/c/d/9.png", "a/b/c/d/e/0.png"}) {
    dir.write(name, "");
  }
  const auto videos = open_whole(SourceKind::kVideos, dir.path(), clips_of(1, true));
  ASSERT_THAT(run_texts(videos->runs()), ElementsAre("videos/a/b/c/d 0+2"));
  EXPECT_FALSE(videos->has_depth());
  // Frame 0 is the one of the smallest number.
  EXPECT_THAT(names_below(dir.path(), videos->rgb_files(videos->runs()[0], 0)),
              ElementsAre("a/b/c/d/9.png"));
  EXPECT_THAT(names_below(dir.path(), files_of(*videos, videos->runs()[0], 1, /*rgb_only=*/false)),
              ElementsAre("a/b/c/d/10.png"));
}

TEST(VirtualKitti, EachCameraIsARunInTheGroupOfItsVariant) {
  const TempDir dir;
  test::write_vkitti(dir.path(), {.variant = "fog", .frames = 2, .cameras = 2});
  const auto vkitti = open_whole(SourceKind::kVirtualKitti, dir.path(), clips_of(2, false));
  EXPECT_THAT(run_texts(vkitti->runs()),
              ElementsAre("vkitti2/Scene02/fog/Camera_0 0+2", "vkitti2/Scene02/fog/Camera_1 0+2"));
  EXPECT_EQ(vkitti->runs()[1].group, "fog");
  EXPECT_EQ(vkitti->left_out(), "");
  const auto files = [&](bool rgb_only) {
    return names_below(dir / "Scene02/fog/frames",
                       files_of(*vkitti, vkitti->runs()[1], 1, rgb_only));
  };
  EXPECT_THAT(files(false),
              ElementsAre("rgb/Camera_1/rgb_00001.jpg", "depth/Camera_1/depth_00001.png"));
  EXPECT_THAT(files(true), ElementsAre("rgb/Camera_1/rgb_00001.jpg"));
}

TEST(VirtualKitti, AFrameWithoutDepthBreaksARunWhereDepthIsRead) {
  const TempDir dir;
  test::write_vkitti(dir.path(), {.frames = 5});
  fs::remove(dir / "Scene02/clone/frames/depth/Camera_0/depth_00002.png");
  const std::string name = "vkitti2/Scene02/clone/Camera_0";
  const auto deep = open_whole(SourceKind::kVirtualKitti, dir.path(), clips_of(2, false)),
             rgb = open_whole(SourceKind::kVirtualKitti, dir.path(), clips_of(2, true));
  EXPECT_THAT(run_texts(deep->runs()), ElementsAre(name + " 0+2", name + " 3+2"));
  EXPECT_EQ(deep->left_out(), "1 frames without depth");
  EXPECT_THAT(run_texts(rgb->runs()), ElementsAre(name + " 0+5"));
  EXPECT_EQ(rgb->left_out(), "");
}

TEST(VirtualKitti, ZeroCentimetresAreNoDepthAndTheMostAreSky) {
  const TempDir dir;
  test::write_vkitti(dir.path(), {.frames = 1});
  io::Image16 stored(64, 128, 1);
  std::fill_n(stored.pixels.get(), stored.size(), std::uint16_t{500});
  stored.row(0)[0] = 0;
  stored.row(0)[1] = 65535;
  stored.row(0)[2] = 65534;
  stored.row(63)[127] = 1;
  io::write_png(dir / "Scene02/clone/frames/depth/Camera_0/depth_00000.png", stored);

  DataConfig config = clips_of(1, false);
  config.height = 64;  // as stored
  config.width = 128;
  const auto vkitti = open_whole(SourceKind::kVirtualKitti, dir.path(), config);
  ClipPlan plan = first_frame();
  const FilledClip clip(*vkitti, plan, config);
  auto depth = torch::full({1, 64, 128}, 5.0);
  auto valid = torch::ones({1, 64, 128}, torch::kBool), sky = torch::zeros_like(valid);
  depth[0][0][2] = 655.34;
  depth[0][63][127] = 0.01;
  valid[0][0][0] = false;
  valid[0][0][1] = false;
  sky[0][0][1] = true;
  EXPECT_TRUE(torch::equal(clip.valid, valid));
  EXPECT_TRUE(torch::equal(clip.sky, sky));
  EXPECT_TRUE(torch::allclose(clip.depth.index({valid}), depth.index({valid}), 1e-6, 0));
  EXPECT_EQ(clip.depth[0][0][0].item<float>(), 0);
  EXPECT_THAT(clip.sizes, ElementsAre(64, 128));

  plan.flipped = true;
  const FilledClip mirrored(*vkitti, plan, config);
  EXPECT_TRUE(torch::equal(mirrored.valid, valid.flip(2)));
  EXPECT_TRUE(torch::equal(mirrored.sky, sky.flip(2)));
  EXPECT_TRUE(torch::equal(mirrored.depth, clip.depth.flip(2)));
}

TEST(VirtualKitti, NamesADepthFileThatDoesNotFitOrWentAway) {
  const TempDir dir;
  test::write_vkitti(dir.path(), {.frames = 1});
  const DataConfig config = clips_of(1, false);
  const auto vkitti = open_whole(SourceKind::kVirtualKitti, dir.path(), config);
  const auto refusal = [&] {
    return ::vdd::test::thrown<DataError>(
        [&] { const FilledClip clip(*vkitti, first_frame(), config); });
  };
  const fs::path file = dir / "Scene02/clone/frames/depth/Camera_0/depth_00000.png";
  io::Image16 small_picture(32, 128, 1);
  std::fill_n(small_picture.pixels.get(), small_picture.size(), std::uint16_t{500});
  io::write_png(file, small_picture);
  EXPECT_EQ(refusal(), file.string() + ": depth of 128x32 for a picture of 128x64");
  fs::remove(file);
  EXPECT_THAT(refusal(), testing::StartsWith(file.string() + ": "));
}

TEST(Hypersim, AFrameWithoutDepthBreaksARunWhereDepthIsRead) {
  const TempDir dir;
  test::write_hypersim(dir.path(), {.frames = 5});
  fs::remove(dir /
             "scenes/ai_001_001/images/scene_cam_00_geometry_hdf5/frame.0002.depth_meters.hdf5");
  const std::string name = "hypersim/ai_001_001/cam_00";
  const auto deep = open_whole(SourceKind::kHypersim, dir.path(), clips_of(2, false)),
             rgb = open_whole(SourceKind::kHypersim, dir.path(), clips_of(2, true));
  EXPECT_THAT(run_texts(deep->runs()), ElementsAre(name + " 0+2", name + " 3+2"));
  EXPECT_THAT(deep->left_out(), testing::StartsWith("1 frames without all their files"));
  EXPECT_THAT(run_texts(rgb->runs()), ElementsAre(name + " 0+5"));
}

TEST(Hypersim, DepthIsValidBetweenOneMillimetreAndSixtyFiveMetres) {
  const TempDir dir;
  test::write_hypersim(dir.path(), {.frames = 1});
  // One depth for each of the first rows, stored as the distance along the ray.
  const std::array<double, 6> rows = {64.99,   65.01, 0.00101,
                                      0.00099, 0,     std::numeric_limits<double>::quiet_NaN()};
  const std::array<bool, 6> wanted = {true, false, true, false, false, false};
  auto depth = torch::full({64, 96}, 5.0, torch::kDouble);
  for (std::size_t y = 0; y < rows.size(); ++y) {
    depth[static_cast<std::int64_t>(y)].fill_(rows[y]);
  }
  auto uv = test::pixels_HW3(64, 96);
  uv.select(2, 0).add_(0.5).mul_(2.0 / 96).sub_(1);
  uv.select(2, 1).add_(0.5).mul_(-2.0 / 64).add_(1);
  const auto rays = uv.matmul(test::lens_33().t());
  const auto distance = depth * rays.norm(2, {2}) / rays.select(2, 2).neg();
  io::write_hdf5(
      dir / "scenes/ai_001_001/images/scene_cam_00_geometry_hdf5/frame.0000.depth_meters.hdf5",
      distance.to(torch::kFloat));

  DataConfig config = clips_of(1, false);
  config.height = 64;  // as stored
  config.width = 96;
  const auto hypersim = open_whole(SourceKind::kHypersim, dir.path(), config);
  const FilledClip clip(*hypersim, first_frame(), config);
  for (std::size_t y = 0; y < rows.size(); ++y) {
    const auto row = static_cast<std::int64_t>(y);
    EXPECT_EQ(clip.valid[0][row].all().item<bool>(), wanted[y]) << rows[y];
    EXPECT_EQ(clip.valid[0][row].any().item<bool>(), wanted[y]) << rows[y];
  }
  EXPECT_TRUE(clip.valid[0].slice(0, 6).all().item<bool>());
  EXPECT_FALSE(clip.sky.any().item<bool>());
  const auto shown = torch::where(clip.valid[0], depth.to(torch::kFloat), torch::zeros({64, 96}));
  EXPECT_TRUE(torch::allclose(clip.depth[0], shown, 1e-5, 0)) << "0 where it is not valid";
}

/// A source that only says where its pictures go.
class PlacingSource : public Source {
 public:
  explicit PlacingSource(const DataConfig& config) : Source("placing", config) {}
  using Source::place;
  bool has_depth() const override { return false; }
  bool has_poses() const override { return false; }
  std::vector<fs::path> rgb_files(const Run&, std::int64_t) const override { return {}; }
  std::vector<TaskGroup> read(const ClipPlan&, const ClipBuffers&) const override { return {}; }
};

TEST(Source, PlacesAPictureByItsStoredSize) {
  DataConfig config;
  config.height = config.width = 64;
  ClipPlan plan;
  plan.frames = 2;
  std::array<int, 4> sizes = {};
  ClipBuffers out;
  out.stored_size = sizes.data();
  // 100 rows become 64, so 300 columns become 192, of which 128 are cut off.
  const std::array<std::pair<double, int>, 3> places = {{{0.0, 0}, {0.5, 64}, {1.0, 128}}};
  for (const auto& [crop_x, left] : places) {
    plan.crop_x = crop_x;
    const Geometry g = PlacingSource(config).place(plan, out, 1, 100, 300);
    EXPECT_DOUBLE_EQ(g.scale_x, 0.64);
    EXPECT_DOUBLE_EQ(g.scale_y, 0.64);
    EXPECT_EQ(g.left, left);
    EXPECT_EQ(g.top, 0);
    EXPECT_FALSE(g.mirrored);
  }
  EXPECT_THAT(sizes, ElementsAre(0, 0, 100, 300));

  config.fit = ClipFit::kStretch;
  plan.flipped = true;
  const Geometry stretched = PlacingSource(config).place(plan, out, 0, 100, 300);
  EXPECT_DOUBLE_EQ(stretched.scale_x, 64.0 / 300);
  EXPECT_DOUBLE_EQ(stretched.scale_y, 0.64);
  EXPECT_EQ(stretched.left, 0);
  EXPECT_TRUE(stretched.mirrored);
}

}  // namespace
}  // namespace vdd::data
