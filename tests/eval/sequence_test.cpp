// SPDX-License-Identifier: Apache-2.0
#include "vdd/eval/sequence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "eval/make_sets.h"
#include "support/field_count.h"
#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"

namespace vdd::eval {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

/// A layout, and what its reader must make of the set that make_sets.h writes.
struct Expected {
  DataLayout layout;
  void (*write)(const fs::path& root);
  std::string name;
  std::vector<std::string> frames;
  bool posed = false;   // the set has cameras
  double rounding = 0;  // of a stored depth, metres
  double colour_error = 0.01;
  double green_step = 1;  // from frame to frame
  test::Plane plane = {};
};

const Expected kLayouts[] = {
    {DataLayout::kBonn,
     test::write_bonn,
     "rgbd_bonn_balloon2",
     {test::stamp(0), test::stamp(1), test::stamp(2), test::stamp(3)},
     true,
     1.01e-4,
     0.01,
     1,
     test::kBonnPlane},
    {DataLayout::kDepthCrafter,
     test::write_depthcrafter,
     "alley_2",
     {"0", "1", "2", "3"},
     false,
     1e-6,
     6,
     20},
    {DataLayout::kKitti,
     test::write_kitti,
     "2011_09_26_drive_0002_sync",
     {"0000000005", "0000000006", "0000000007", "0000000008"},
     false,
     2e-3},
    {DataLayout::kScanNet,
     test::write_scannet,
     "scene0707_00",
     {"0", "1", "2", "3"},
     true,
     5.01e-4,
     0.4},
    {DataLayout::kSintel,
     test::write_sintel,
     "alley_2",
     {"frame_0001", "frame_0002", "frame_0003", "frame_0004"},
     true,
     1e-6},
};

class Layout : public testing::TestWithParam<Expected> {
 protected:
  void SetUp() override { GetParam().write(dir_.path()); }
  const test::TempDir dir_;
};

TEST_P(Layout, IsRecognisedUnasked) {
  const DataSet data = open_data_set(dir_.path());
  ASSERT_EQ(data.sequences.size(), 1u);
  EXPECT_EQ(data.sequences[0]->name(), GetParam().name);
  EXPECT_EQ(data.sequences[0]->frames(), GetParam().frames);
  EXPECT_TRUE(data.left_out.empty());
}

TEST_P(Layout, EveryPointOfEveryFrameLiesOnThePlane) {
  const auto& expected = GetParam();
  const DataSet data = open_data_set(dir_.path(), {.layout = expected.layout});
  const Sequence& sequence = *data.sequences.at(0);
  for (std::size_t i = 0; i < sequence.frames().size(); ++i) {
    const TrueDepth depth = sequence.depth(i);
    EXPECT_FALSE(depth.valid_HW.slice(0, 0, test::kHoles).any().item<bool>());
    EXPECT_TRUE(depth.valid_HW.slice(0, test::kHoles).all().item<bool>());
    const Camera camera = sequence.camera(i);
    EXPECT_EQ(camera.cam_to_world_44.defined(), expected.posed);
    const auto intrinsics = expected.posed ? camera.intrinsics_33 : test::any_intrinsics();
    const auto pose =
        expected.posed ? camera.cam_to_world_44 : test::pose_44(static_cast<std::int64_t>(i));
    const auto truth = test::depth_HW(intrinsics, pose, expected.plane);
    const auto error = (depth.depth_HW - truth).abs().masked_select(depth.valid_HW);
    EXPECT_LE(error.max().item<double>(), expected.rounding) << "frame " << i;
  }
}

TEST_P(Layout, GivesEachFrameItsOwnPicture) {
  const DataSet data = open_data_set(dir_.path());
  for (std::size_t i = 0; i < GetParam().frames.size(); ++i) {
    const torch::Tensor rgb = data.sequences.at(0)->rgb_HW3(i);
    ASSERT_EQ(rgb.sizes(), torch::IntArrayRef({test::kHeight, test::kWidth, 3}));
    EXPECT_NEAR(rgb.select(2, 1).to(torch::kDouble).mean().item<double>(),
                40 + GetParam().green_step * static_cast<double>(i), GetParam().colour_error);
    EXPECT_NEAR(rgb.select(2, 2).to(torch::kDouble).mean().item<double>(), 128,
                GetParam().colour_error);
  }
}

TEST_P(Layout, NamesTheFileThatIsDamaged) {
  for (const auto& entry : fs::recursive_directory_iterator(dir_.path())) {
    const std::string extension = entry.path().extension().string();
    if (extension == ".png" || extension == ".dpt" || extension == ".npz")
      fs::resize_file(entry.path(), 20);
  }
  const DataSet data = open_data_set(dir_.path());
  EXPECT_THAT(test::thrown<DataError>([&] { data.sequences.at(0)->depth(1); }),
              HasSubstr(dir_.path().string()));
}

INSTANTIATE_TEST_SUITE_P(Sequence, Layout, testing::ValuesIn(kLayouts), [](const auto& layout) {
  return std::string(to_name(layout.param.layout));
});

TEST(Sequence, SintelHasTwoPasses) {
  const test::TempDir dir;
  test::write_sintel(dir.path());
  const DataSet data = open_data_set(dir.path(), {.pass = SintelPass::kFinal});
  EXPECT_EQ(data.sequences.at(0)->rgb_HW3(2)[0][0][1].item<int>(), 142);
}

TEST(Sequence, AFrameThatScanNetLostHasNoPose) {
  const test::TempDir dir;
  test::write_scannet(dir.path());
  dir.write("scans_test/scene0707_00/pose/2.txt",
            "-inf -inf -inf -inf\n-inf -inf -inf -inf\n-inf -inf -inf -inf\n-inf -inf -inf -inf\n");
  const DataSet data = open_data_set(dir.path());
  EXPECT_TRUE(data.sequences.at(0)->camera(1).cam_to_world_44.defined());
  EXPECT_FALSE(data.sequences.at(0)->camera(2).cam_to_world_44.defined());
}

TEST(Sequence, ACroppedClipIsTheStretchedCutOfThePicture) {
  const test::TempDir dir;
  test::write_kitti(dir.path());
  const DataSet data = open_data_set(dir.path());
  // 8 rows and 11 columns go on each side: 32 x 42 are left, red is the column.
  const auto clip_T3hw =
      data.sequences.at(0)->clip_T3hw({1, 3}, metrics::CropRule::kScannetBorder, 64, 84);
  ASSERT_EQ(clip_T3hw.sizes(), torch::IntArrayRef({2, 3, 64, 84}));
  const auto bytes = (clip_T3hw + 1) * 127.5;
  EXPECT_NEAR(bytes[0][1][5][5].item<double>(), 41, 1e-3);
  EXPECT_NEAR(bytes[1][1][5][5].item<double>(), 43, 1e-3);
  EXPECT_NEAR(bytes[0][0][9][0].item<double>(), 11, 1e-3);
  EXPECT_NEAR(bytes[0][0][9][41].item<double>(), 11 + 41.5 / 2 - 0.5, 1e-3);
  EXPECT_NEAR(bytes[0][0][9][83].item<double>(), 52, 1e-3);
}

TEST(Sequence, RefusesAFolderWithoutTruth) {
  const test::TempDir dir;
  EXPECT_THAT(test::thrown<DataError>([&] { open_data_set(dir / "no"); }),
              HasSubstr("no such folder"));
  for (const auto& [layout, name] : names(DataLayout{})) {
    const ReaderConfig config{.layout = layout};
    EXPECT_THAT(test::thrown<DataError>([&] { open_data_set(dir.path(), config); }),
                HasSubstr(dir.path().filename().string()))
        << name;
  }
}

TEST(Sequence, ReadsDepthCraftersCsvAsASpreadsheetWritesIt) {
  const test::TempDir dir;
  test::write_depthcrafter(dir.path());
  std::filesystem::rename(dir / "datasets/sintel/alley_2_rgb_left.mp4",
                          dir / "datasets/sintel/alley, 2_rgb_left.mp4");
  dir.write("csv/meta_sintel.csv",
            "\xEF\xBB\xBF"
            "filepath_disparity,frames,filepath_left\r\n"
            "sintel/alley_2_disparity.npz,4,\"sintel/alley, 2_rgb_left.mp4\"\r\n");
  const DataSet data = open_data_set(dir.path());
  ASSERT_EQ(data.sequences.size(), 1u);
  EXPECT_EQ(data.sequences[0]->name(), "alley, 2");
  EXPECT_TRUE(data.sequences[0]->depth(0).valid_HW.any().item<bool>());
}

TEST(Sequence, AListMayNotLeadOutOfTheDataSetButALinkMay) {
  const test::TempDir dir;
  test::write_depthcrafter(dir / "outside");
  fs::create_directories(dir / "set/csv");
  fs::create_directory_symlink(dir / "outside/datasets", dir / "set/datasets");
  const auto open = [&](const std::string& video, const std::string& archive) {
    dir.write("set/csv/meta_sintel.csv",
              "filepath_left,filepath_disparity\n" + video + ',' + archive + '\n');
    return open_data_set(dir / "set").sequences.size();
  };
  const std::string video = "sintel/alley_2_rgb_left.mp4", archive = "sintel/alley_2_disparity.npz";
  EXPECT_EQ(open(video, archive), 1U);
  const std::string place = (dir / "outside/datasets/").string(), up = "../../outside/datasets/";
  for (const auto& [a, b] : {std::pair{place + video, archive},
                             {video, place + archive},
                             {up + video, archive},
                             {video, up + archive}}) {
    EXPECT_THAT(test::thrown<DataError>([&, &a = a, &b = b] { open(a, b); }),
                HasSubstr("meta_sintel.csv: line 2: "));
  }

  test::write_nyuv2(dir / "nyu");
  const std::string list = test::content(dir / "nyu/filename_list_test.txt");
  dir.write("nyu/filename_list_test.txt", "../nyu/" + list);
  EXPECT_THAT(test::thrown<DataError>([&] { open_data_set(dir / "nyu"); }),
              HasSubstr("filename_list_test.txt: line 1: "));
}

TEST(Sequence, RefusesTwoOfOneName) {
  const test::TempDir dir;
  test::write_depthcrafter(dir.path());
  dir.write("csv/meta_sintel.csv",
            "filepath_left,filepath_disparity\n"
            "sintel/alley_2_rgb_left.mp4,sintel/alley_2_disparity.npz\n"
            "sintel/alley_2_rgb_left.mp4,sintel/alley_2_disparity.npz\n");
  EXPECT_THAT(test::thrown<DataError>([&] { open_data_set(dir.path()); }), HasSubstr("alley_2"));
}

TEST(Sequence, ListsEveryField) {
  EXPECT_EQ(test::listed_fields<ReaderConfig>(), test::count_members<ReaderConfig>());
}

}  // namespace
}  // namespace vdd::eval
