// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "vdd/scenes/geometry.h"

namespace vdd::scenes {

/// The lens of a Hypersim scene: V-Ray's physical camera.
struct TiltedLens {
  double fov_x = 1.0471975511965976;  ///< radians
  double horizontal_offset = 0;       ///< of the film, in film widths
  double vertical_offset = 0;
  double lens_shift = 0;  ///< tangent of the angle by which the film is tilted about x
};

/// The data set's M_cam_from_uv: takes (u, v, 1) to the ray of that point, u and v from -1 to 1, v
/// up; camera axes x right, y up, looking along -z. Scaled so that it comes closest to that of the
/// same camera without shift and tilt. Source: apple/ml-hypersim,
/// dataset_generate_camera_parameters_metadata.py, for horizontal_shift = 0.
Mat3 cam_from_uv(const TiltedLens& lens, double height_over_width);

/// The data set's M_proj: an OpenGL projection with near plane 1 and far plane 1000, row-major.
std::array<std::array<double, 4>, 4> projection(const Mat3& cam_from_uv);

}  // namespace vdd::scenes
