// SPDX-License-Identifier: Apache-2.0
#include "vdd/metrics/crop.h"

#include <gtest/gtest.h>

#include "vdd/core/error.h"

namespace vdd::metrics {
namespace {

TEST(Crop, PublishedOnesHaveTheirPublishedPlace) {
  EXPECT_EQ(crop_of(CropRule::kNone, 480, 640), (Crop{0, 480, 0, 640}));
  EXPECT_EQ(crop_of(CropRule::kEven, 375, 1242), (Crop{0, 374, 0, 1242}));
  EXPECT_EQ(crop_of(CropRule::kNyuEigen, 480, 640), (Crop{45, 471, 41, 601}));
  EXPECT_EQ(crop_of(CropRule::kScannetBorder, 480, 640), (Crop{8, 472, 11, 629}));
  EXPECT_EQ(crop_of(CropRule::kKittiBenchmark, 375, 1242), (Crop{23, 375, 13, 1229}));
  EXPECT_EQ(crop_of(CropRule::kKittiBenchmark, 376, 1241), (Crop{24, 376, 12, 1228}));
}

TEST(Crop, GargAndEigenAreTruncatedFractions) {
  EXPECT_EQ(crop_of(CropRule::kKittiGarg, 375, 1242), (Crop{153, 371, 44, 1197}));
  EXPECT_EQ(crop_of(CropRule::kKittiEigen, 352, 1216), (Crop{117, 321, 43, 1172}));
}

TEST(Crop, EveryRuleLeavesSomething) {
  for (const auto& [rule, name] : names(CropRule{}))
    EXPECT_GT(crop_of(rule, 480, 1300).height(), 0) << name;
}

TEST(Crop, APictureThatIsTooSmallIsRefused) {
  EXPECT_THROW(crop_of(CropRule::kNyuEigen, 128, 192), ShapeError);
  EXPECT_THROW(crop_of(CropRule::kKittiBenchmark, 352, 1200), ShapeError);
  EXPECT_THROW(crop_of(CropRule::kScannetBorder, 16, 640), ShapeError);
}

}  // namespace
}  // namespace vdd::metrics
