// SPDX-License-Identifier: Apache-2.0
// The labelled file comes from tools/reference/make_io_fixtures.py: depth 1 + n + x / 10 + y / 100
// of image n (from 0), its raw form without the first four columns, colour 50 n + 20 c + x + 2 y.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "eval/make_sets.h"
#include "layouts.h"
#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"

namespace vdd::eval {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const fs::path kLabelled = fs::path(VDD_FIXTURES) / "io/nyuv2";

std::vector<std::string> names_of(const DataSet& data) {
  std::vector<std::string> names;
  for (const auto& sequence : data.sequences) names.push_back(sequence->name());
  return names;
}

TEST(Nyuv2, TheTestImagesOfTheLabelledFileCountFromOne) {
  EXPECT_THAT(names_of(open_nyuv2(kLabelled, {})), ElementsAre("0001", "0003"));
}

TEST(Nyuv2, LabelledArraysAreTurnedIntoPictures) {
  const DataSet data = open_nyuv2(kLabelled, {});
  const auto y = torch::arange(12).unsqueeze(1), x = torch::arange(20);
  const TrueDepth depth = data.sequences.at(1)->depth(0);
  EXPECT_TRUE(torch::allclose(depth.depth_HW, (3 + 0.1 * x + 0.01 * y).to(torch::kFloat)));
  EXPECT_TRUE(depth.valid_HW.all().item<bool>());
  const torch::Tensor rgb = data.sequences.at(1)->rgb_HW3(0);
  for (int c = 0; c < 3; ++c)
    EXPECT_TRUE(torch::equal(rgb.select(2, c), (100 + 20 * c + x + 2 * y).to(torch::kByte)));
}

TEST(Nyuv2, RawDepthHasHoles) {
  const TrueDepth depth =
      open_nyuv2(kLabelled, {.depth = NyuDepth::kRaw}).sequences.at(0)->depth(0);
  EXPECT_FALSE(depth.valid_HW.slice(1, 0, 4).any().item<bool>());
  EXPECT_TRUE(depth.valid_HW.slice(1, 4).all().item<bool>());
}

TEST(Nyuv2, ReadsTheExtractedForm) {
  const test::TempDir dir;
  test::write_nyuv2(dir.path());
  const DataSet filled = open_nyuv2(dir.path(), {}),
                raw = open_nyuv2(dir.path(), {.depth = NyuDepth::kRaw});
  EXPECT_THAT(names_of(filled), ElementsAre("0001", "0002", "0003", "0004"));
  const auto truth = test::depth_HW(test::any_intrinsics(), test::pose_44(2));
  EXPECT_NEAR(filled.sequences[2]->depth(0).depth_HW[40][9].item<double>(),
              truth[40][9].item<double>(), 5e-4);
  EXPECT_NEAR(raw.sequences[2]->depth(0).depth_HW[40][9].item<double>(),
              2 * truth[40][9].item<double>(), 5e-4);
  EXPECT_EQ(filled.sequences[2]->rgb_HW3(0)[3][3][1].item<int>(), 42);
}

TEST(Nyuv2, RefusesASplitThatNamesMoreThanThereIs) {
  const test::TempDir dir;
  fs::copy(kLabelled / "nyu_depth_v2_labeled.mat", dir.path());
  EXPECT_THAT(test::thrown<DataError>([&] { open_nyuv2(dir.path(), {}); }),
              HasSubstr("splits.mat"));
  dir.write("list.txt", "");
  fs::copy(kLabelled / "splits.mat", dir.path());
  fs::remove(dir / "nyu_depth_v2_labeled.mat");
  EXPECT_THAT(test::thrown<DataError>([&] { open_nyuv2(dir.path(), {}); }),
              HasSubstr("filename_list_test.txt"));
}

TEST(Nyuv2, NamesTheLineOfAListThatIsCut) {
  const test::TempDir dir;
  dir.write("filename_list_test.txt", "a/rgb_0001.png a/depth_0001.png\n");
  EXPECT_THAT(test::thrown<DataError>([&] { open_nyuv2(dir.path(), {}); }), HasSubstr("line 1"));
}

}  // namespace
}  // namespace vdd::eval
