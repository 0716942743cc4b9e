// SPDX-License-Identifier: Apache-2.0
#include "vdd/scenes/tilted_lens.h"

#include <gtest/gtest.h>

namespace vdd::scenes {
namespace {

// A row of the data set's table: fov 60 degrees, shifted film, tilted lens; H/W = 2/3.
constexpr TiltedLens kLens{.fov_x = 1.0471975511965976,
                           .horizontal_offset = 0.005187391479245018,
                           .vertical_offset = -0.0716482290530874,
                           .lens_shift = 0.20226120240016432};

TEST(TiltedLens, MatrixFollowsThePublishedFormula) {
  const double expected[3][3] = {{0.5972010987646754, 0.0, -0.006195831782255279},
                                 {0.0, 0.3902319582860183, 0.08387828619333447},
                                 {0.0, -0.07892878509790084, -1.0343826453963771}};
  const Mat3 m = cam_from_uv(kLens, 128.0 / 192.0);
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 3; ++j) EXPECT_NEAR(m.rows[i][j], expected[i][j], 1e-9) << i << j;
  }
}

TEST(TiltedLens, ProjectionFollowsThePublishedFormula) {
  const double expected[4][4] = {
      {1.6744778301120404, -0.0020624929708540555, -0.010197175466076335, 0},
      {0, 2.6053091487762323, 0.2112650162642905, 0},
      {0, -0.19919665733573533, -0.9848485768478447, -2.002002002002002},
      {0, -0.19879866201598442, -0.9828808474235733, 0}};
  const auto p = projection(cam_from_uv(kLens, 128.0 / 192.0));
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < 4; ++j) EXPECT_NEAR(p[i][j], expected[i][j], 1e-9) << i << j;
  }
}

TEST(TiltedLens, PlainLensHasThePublishedFocalLength) {
  const Mat3 m = cam_from_uv({}, 768.0 / 1024.0);
  EXPECT_NEAR(512 / m.rows[0].x, 886.81, 0.005);
  EXPECT_NEAR(384 / m.rows[1].y, 886.81, 0.005);
  EXPECT_NEAR(m.rows[2].z, -1, 1e-12);
}

}  // namespace
}  // namespace vdd::scenes
