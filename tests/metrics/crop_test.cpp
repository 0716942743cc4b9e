// SPDX-License-Identifier: Apache-2.0
#include "vdd/metrics/crop.h"

#include <gtest/gtest.h>

#include "support/thrown.h"
#include "vdd/core/error.h"

namespace vdd::metrics {
namespace {

TEST(Crop, PublishedOnesHaveTheirPublishedPlace) {
  EXPECT_EQ(crop_of("none", 480, 640), (Crop{0, 480, 0, 640}));
  EXPECT_EQ(crop_of("even", 375, 1242), (Crop{0, 374, 0, 1242}));
  EXPECT_EQ(crop_of("nyu_eigen", 480, 640), (Crop{45, 471, 41, 601}));
  EXPECT_EQ(crop_of("scannet_border", 480, 640), (Crop{8, 472, 11, 629}));
  EXPECT_EQ(crop_of("kitti_benchmark", 375, 1242), (Crop{23, 375, 13, 1229}));
  EXPECT_EQ(crop_of("kitti_benchmark", 376, 1241), (Crop{24, 376, 12, 1228}));
}

TEST(Crop, GargAndEigenAreTruncatedFractions) {
  EXPECT_EQ(crop_of("kitti_garg", 375, 1242), (Crop{153, 371, 44, 1197}));
  EXPECT_EQ(crop_of("kitti_eigen", 352, 1216), (Crop{117, 321, 43, 1172}));
}

TEST(Crop, EveryNameIsKnown) {
  for (const auto& name : crop_names()) EXPECT_GT(crop_of(name, 480, 1300).height(), 0) << name;
}

TEST(Crop, APictureThatIsTooSmallIsRefused) {
  EXPECT_THROW(crop_of("nyu_eigen", 128, 192), ShapeError);
  EXPECT_THROW(crop_of("kitti_benchmark", 352, 1200), ShapeError);
  EXPECT_THROW(crop_of("scannet_border", 16, 640), ShapeError);
}

TEST(Crop, AnUnknownNameIsAnsweredWithTheNearest) {
  EXPECT_NE(test::thrown<ConfigError>([] {
              crop_of("nyu_eigne", 480, 640);
            }).find("did you mean 'nyu_eigen'"),
            std::string::npos);
}

}  // namespace
}  // namespace vdd::metrics
