// SPDX-License-Identifier: Apache-2.0
#include "vdd/data/tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"

namespace vdd::data {
namespace {

using testing::HasSubstr;

const std::string kIntrinsics =
    "frame cameraID K[0,0] K[1,1] K[0,2] K[1,2]\n0 0 725.0087 725.0087 620.5 187\n0 1 725.0087 "
    "725.0087 620.5 187\n";
const std::string kExtrinsics =
    "frame cameraID r1,1 r1,2 r1,3 t1 r2,1 r2,2 r2,3 t2 r3,1 r3,2 r3,3 t3 0 0 0 1\n"
    "7 1 0 0 1 -1.75 0 1 0 1.58 -1 0 0 -2.77555756e-17 0 0 0 1\n";
const std::string kSplit =
    "scene_name,camera_name,frame_id,included_in_public_release,exclude_reason,split_partition_"
    "name\n"
    "ai_001_001,cam_00,0,True,,train\nai_001_001,cam_00,1,False,flagged,\n";

TEST(Tables, ReadsIntrinsicsByFrameAndCamera) {
  const test::TempDir dir;
  const auto rows = read_vkitti_intrinsics(dir.write("i.txt", kIntrinsics));
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows.at({0, 1}), (Matrix3{725.0087, 0, 620.5, 0, 725.0087, 187, 0, 0, 1}));
}

TEST(Tables, ReadsExtrinsicsAsStored) {
  const test::TempDir dir;
  const auto rows = read_vkitti_extrinsics(dir.write("e.txt", kExtrinsics));
  EXPECT_EQ(rows.at({7, 1}),
            (Matrix4{0, 0, 1, -1.75, 0, 1, 0, 1.58, -1, 0, 0, -2.77555756e-17, 0, 0, 0, 1}));
}

TEST(Tables, ReadsTheHypersimSplit) {
  const test::TempDir dir;
  const auto rows = read_hypersim_split(dir.write("s.csv", kSplit));
  EXPECT_TRUE(rows.at("ai_001_001/cam_00").at(0).released);
  EXPECT_EQ(rows.at("ai_001_001/cam_00").at(0).partition, "train");
  EXPECT_FALSE(rows.at("ai_001_001/cam_00").at(1).released);
}

TEST(Tables, ReadsCsvAsASpreadsheetWritesIt) {
  const test::TempDir dir;
  const auto rows = read_hypersim_split(dir.write(
      "s.csv",
      "\xEF\xBB\xBF" + kSplit + "\"ai_001_001\",cam_00,2,False,\"grey, \"\"flat\"\"\",\r\n"));
  ASSERT_EQ(rows.at("ai_001_001/cam_00").size(), 3u);
  EXPECT_FALSE(rows.at("ai_001_001/cam_00").at(2).released);
  EXPECT_EQ(read_vkitti_intrinsics(dir.write("i.txt", "\xEF\xBB\xBF" + kIntrinsics)).size(), 2u);

  std::string header = "scene_name,comment,settings_units_info_meters_scale",
              row = "ai_001_001,\"a, b\",0.01";
  for (int i = 0; i < 9; ++i) {
    header += ",M_cam_from_uv_" + std::to_string(i / 3) + std::to_string(i % 3);
    row += i % 4 == 0 ? ",-1" : ",0";
  }
  const auto cameras = read_hypersim_cameras(dir.write("c.csv", header + "\r\n" + row + "\r\n"));
  EXPECT_EQ(cameras.at("ai_001_001").meters_per_asset_unit, 0.01);
}

TEST(Tables, RefusalsNameTheLine) {
  const test::TempDir dir;
  const auto intrinsics = [&](const std::string& text) {
    return test::thrown<DataError>([&] { read_vkitti_intrinsics(dir.write("i.txt", text)); });
  };
  EXPECT_THAT(intrinsics(""), HasSubstr("empty"));
  EXPECT_THAT(intrinsics("frame cameraID K[0,0]\n"), HasSubstr("line 1"));
  EXPECT_THAT(intrinsics(kIntrinsics + "1 0 725 725 620\n"), HasSubstr("line 4"));
  EXPECT_THAT(intrinsics(kIntrinsics + "1 0 725 nan 620 187\n"),
              HasSubstr("\"nan\" is no finite number"));
  EXPECT_THAT(intrinsics(kIntrinsics + "0 1 725 725 620 187\n"), HasSubstr("again"));
  EXPECT_THAT(intrinsics(kIntrinsics + "1 0 -725 725 620 187\n"), HasSubstr("must be > 0"));
  EXPECT_THAT(test::thrown<DataError>([&] {
                read_vkitti_extrinsics(
                    dir.write("e.txt", kExtrinsics + "8 1 0 0 2 0 0 1 0 0 -1 0 0 0 0 0 0 1\n"));
              }),
              HasSubstr("line 3: the rotation is not orthonormal"));
  const auto split = [&](const std::string& row) {
    return test::thrown<DataError>([&] { read_hypersim_split(dir.write("s.csv", kSplit + row)); });
  };
  EXPECT_THAT(split("../etc/passwd,cam_00,0,True,,train\n"), HasSubstr("is no name"));
  EXPECT_THAT(split("..,cam_00,0,True,,train\n"), HasSubstr("is no name"));
  EXPECT_THAT(split("ai_001_001,cam_00,2,Maybe,,train\n"), HasSubstr("neither True nor False"));
  EXPECT_THAT(split("ai_001_001,cam_00,2,True,,holiday\n"), HasSubstr("is no partition"));
  EXPECT_THAT(split("ai_001_001,cam_00\n"), HasSubstr("has 2 columns"));
}

}  // namespace
}  // namespace vdd::data
