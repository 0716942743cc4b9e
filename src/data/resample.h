// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "vdd/data/clip.h"
#include "vdd/data/config.h"
#include "vdd/io/image.h"

namespace vdd::data {

/// How a stored picture becomes a clip's: scaled about pixel centres, cut, perhaps mirrored. An
/// output pixel (x, y), counted before mirroring, covers the stored area [(x + left) / scale_x, (x
/// + left + 1) / scale_x) and the same in y.
struct Geometry {
  int in_height = 0, in_width = 0, out_height = 0, out_width = 0;
  double scale_x = 1, scale_y = 1;
  int left = 0, top = 0;  ///< of the cut, in scaled pixels
  bool mirrored = false;
};

Geometry make_geometry(int in_height, int in_width, const DataConfig& config, const ClipPlan& plan);

/// Return the stored column or row at the centre of each output column or row (mirroring included):
/// nearest neighbour.
std::vector<int> nearest_columns(const Geometry& geometry);
std::vector<int> nearest_rows(const Geometry& geometry);

/// The stored pixels that resize_rgb reads; those of nearest_* lie inside.
struct Window {
  int top = 0, bottom = 0, left = 0, right = 0;  ///< half-open
};
Window stored_window(const Geometry& geometry);

/// Reduces by exact area means, enlarges bilinearly, per axis; then out = value / 127.5 - 1, in
/// three planes of out_height x out_width floats. `part` holds the window at (`part_top`,
/// `part_left`) of the stored picture.
void resize_rgb(const io::Image8& part, const Geometry& geometry, float* planes, int part_top = 0,
                int part_left = 0);

/// Applies the geometry to an intrinsic matrix (pixel centres on integers): K' = A K, row-major
/// 3x3.
void transform_intrinsics(const Geometry& geometry, const double* intrinsics, double* out);
/// The pose of the mirrored camera in the mirrored world, if the geometry mirrors: M P M with M =
/// diag(-1, 1, 1, 1).
void transform_pose(const Geometry& geometry, const double* pose, double* out);

}  // namespace vdd::data
