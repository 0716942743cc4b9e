// SPDX-License-Identifier: Apache-2.0
#include "vdd/io/pictures.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/io/colormap.h"
#include "vdd/io/image.h"

namespace vdd::io {
namespace {

std::vector<int> pixel(const Image8& image, int y, int x) {
  const std::uint8_t* p = image.row(y) + 3 * x;
  return {p[0], p[1], p[2]};
}

TEST(Pictures, StripHoldsARowPerKindAndAColumnPerFrame) {
  test::TempDir folder;
  torch::Tensor rgb = torch::full({5, 3, 4, 6}, -1.0);
  rgb[4].fill_(1.0);
  const torch::Tensor far = torch::zeros({5, 4, 6}), near = torch::ones({5, 4, 6}, torch::kHalf);
  write_strip(
      folder / "a.png",
      {{"", RowKind::kRgb, rgb}, {"", RowKind::kDisparity, far}, {"", RowKind::kDifference, near}},
      3);
  const Image8 image = read_rgb(folder / "a.png");
  ASSERT_EQ(image.height, 3 * 4 + 2 * 2);
  ASSERT_EQ(image.width, 3 * 6 + 2 * 2);
  EXPECT_EQ(pixel(image, 0, 0), (std::vector<int>{0, 0, 0}));         // first frame
  EXPECT_EQ(pixel(image, 3, 21), (std::vector<int>{255, 255, 255}));  // last frame
  EXPECT_EQ(pixel(image, 0, 6), (std::vector<int>{255, 255, 255}));   // gap
  EXPECT_EQ(pixel(image, 13, 1), (std::vector<int>{255, 255, 255}));  // the largest difference
  const Color darkest = color_of(0);
  EXPECT_EQ(pixel(image, 7, 1), (std::vector<int>{darkest[0], darkest[1], darkest[2]}));
}

TEST(Pictures, LabelsStandBesideThePictures) {
  test::TempDir folder;
  const torch::Tensor x = torch::rand({1, 16, 20});
  write_strip(folder / "plain.png", {{"", RowKind::kDisparity, x}});
  write_strip(folder / "named.png", {{"teacher", RowKind::kDisparity, x}});
  const Image8 plain = read_rgb(folder / "plain.png"), named = read_rgb(folder / "named.png");
  const int margin = named.width - plain.width;
  ASSERT_GT(margin, 10);
  bool written = false;
  for (int y = 0; y < 16; ++y) {
    EXPECT_EQ(pixel(named, y, margin), pixel(plain, y, 0));
    for (int xx = 0; xx < margin; ++xx) written = written || pixel(named, y, xx)[0] < 100;
  }
  EXPECT_TRUE(written);
}

TEST(Pictures, RefuseWhatDoesNotFit) {
  test::TempDir folder;
  const auto write = [&](const std::vector<PictureRow>& rows) {
    write_strip(folder / "x.png", rows);
  };
  const torch::Tensor d = torch::rand({2, 4, 4});
  EXPECT_THROW(write({}), ShapeError);
  EXPECT_THROW(write({{"a", RowKind::kRgb, d}}), ShapeError);
  EXPECT_THROW(write({{"a", RowKind::kDisparity, {}}}), ShapeError);
  EXPECT_THROW(write({{"a", RowKind::kDisparity, d, 1, 1}}), ShapeError);
  const std::string message = test::thrown<ShapeError>([&] {
    write({{"a", RowKind::kDisparity, d}, {"b", RowKind::kDisparity, torch::rand({3, 4, 4})}});
  });
  EXPECT_NE(message.find("'b': 3 frames"), std::string::npos) << message;
  EXPECT_TRUE(folder.names().empty());
}

}  // namespace
}  // namespace vdd::io
