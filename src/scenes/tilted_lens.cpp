// SPDX-License-Identifier: Apache-2.0
#include "vdd/scenes/tilted_lens.h"

namespace vdd::scenes {

Mat3 cam_from_uv(const TiltedLens& lens, double height_over_width) {
  const double width = 2 * std::tan(lens.fov_x / 2), tilt = lens.lens_shift,
               stretch = std::sqrt(1 + tilt * tilt);
  const Mat3 plain{
      {Vec3{width / 2, 0, 0}, Vec3{0, width / 2 * height_over_width, 0}, Vec3{0, 0, -1}}};
  // Width of the film at unit distance such that the middle row spans the field of view.
  const double film = width / (1 + width * lens.vertical_offset * tilt / stretch);
  const double v = film / 2 / stretch * height_over_width,
               center_y = -lens.vertical_offset * film / stretch;
  Mat3 m{{Vec3{film / 2, 0, -lens.horizontal_offset * film}, Vec3{0, v, center_y},
          Vec3{0, -tilt * v, -1 - tilt * center_y}}};

  const Mat3 ratio = plain * inverse(m);
  double norm = 0, trace = 0;
  for (int i = 0; i < 3; ++i) norm += dot(ratio.rows[i], ratio.rows[i]), trace += ratio.rows[i][i];
  for (Vec3& row : m.rows) row = row * (norm / trace);  // minimises |1 - plain (k m)^-1|
  return m;
}

std::array<std::array<double, 4>, 4> projection(const Mat3& cam_from_uv) {
  constexpr double kNearPlane = 1, kFarPlane = 1000, kDepth = kFarPlane - kNearPlane;
  const Mat3 uv = inverse(cam_from_uv);
  std::array<std::array<double, 4>, 4> out{};
  for (int axis = 0; axis < 3; ++axis) {
    out[0][axis] = uv.rows[0][axis];
    out[1][axis] = uv.rows[1][axis];
    out[2][axis] = (kFarPlane + kNearPlane) / kDepth * uv.rows[2][axis];
    out[3][axis] = uv.rows[2][axis];
  }
  out[2][3] = -2 * kFarPlane * kNearPlane / kDepth;
  return out;
}

}  // namespace vdd::scenes
