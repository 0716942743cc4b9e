// SPDX-License-Identifier: Apache-2.0
#include "vdd/io/colormap.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>

#include "support/thrown.h"
#include "vdd/core/error.h"

namespace vdd::io {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

int sum(const Color& c) {
  return c[0] + c[1] + c[2];
}

TEST(Colormap, TurboRunsFromBlueToRed) {
  const Color far = color_of(0.1), middle = color_of(0.5), near = color_of(0.9);
  EXPECT_GT(far[2], far[0] + 50);
  EXPECT_GT(middle[1], middle[0] + 50);
  EXPECT_GT(middle[1], middle[2] + 50);
  EXPECT_GT(near[0], near[2] + 50);
}

TEST(Colormap, EndsAreThePublishedColors) {
  const auto ends = [](Colormap map) { return std::pair(color_of(0, map), color_of(1, map)); };
  EXPECT_EQ(ends(Colormap::kGray), std::pair(Color{0, 0, 0}, Color{255, 255, 255}));
  EXPECT_EQ(ends(Colormap::kSpectral), std::pair(Color{94, 79, 162}, Color{158, 1, 66}));
  EXPECT_EQ(ends(Colormap::kViridis), std::pair(Color{68, 1, 84}, Color{253, 231, 37}));
  EXPECT_EQ(ends(Colormap::kInferno), std::pair(Color{0, 0, 4}, Color{252, 255, 164}));
  EXPECT_EQ(ends(Colormap::kMagma), std::pair(Color{0, 0, 4}, Color{252, 253, 191}));
  EXPECT_EQ(color_of(0.5, Colormap::kSpectral), (Color{255, 255, 191}));
}

TEST(Colormap, SequentialMapsGetBrighterAllTheWay) {
  for (const auto map :
       {Colormap::kInferno, Colormap::kViridis, Colormap::kGray, Colormap::kMagma}) {
    for (double x = 0.1; x < 1.05; x += 0.1)
      EXPECT_GT(sum(color_of(x, map)), sum(color_of(x - 0.1, map))) << x;
  }
}

TEST(Colormap, ValuesClampToTheRangeAndGreyMarksNaN) {
  const at::Tensor c =
      colorize(at::tensor({-5.0, 2.0, 4.0, 9.0, kNaN}, at::kDouble).view({1, 1, 5}), 2, 4);
  EXPECT_TRUE(c[0][0][0].equal(c[0][0][1]));
  EXPECT_TRUE(c[0][0][2].equal(c[0][0][3]));
  EXPECT_TRUE(c[0][0][4].equal(at::full({3}, 128, at::kByte)));
}

TEST(Colormap, RefusesShapesAndRanges) {
  test::thrown<ShapeError>([] { colorize(at::zeros({2, 2})); });
  test::thrown<ShapeError>([] { colorize(at::zeros({1, 2, 2}, at::kInt)); });
  test::thrown<ShapeError>([] { colorize(at::zeros({1, 2, 2}), 1, 1); });
}

}  // namespace
}  // namespace vdd::io
