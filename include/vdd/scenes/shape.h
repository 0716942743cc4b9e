// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <limits>
#include <optional>

#include "vdd/scenes/geometry.h"

namespace vdd::scenes {

enum class ShapeKind { kBox, kTaper, kEllipsoid, kFrustum };

/// A convex solid about the origin of its own frame.
struct Shape {
  ShapeKind kind = ShapeKind::kBox;
  Vec3 half;  ///< half extents; the radii of an ellipsoid; for a frustum y is the half height
  /// Taper: half extent of the top face over that of the bottom; frustum: the radius there.
  double top_x = 1;
  double top_z = 1;  ///< taper only
};

/// Roofs, car cabins and pyramids: a box whose top face is scaled; 0 gives a ridge or a point.
Shape box(Vec3 size);
Shape taper(Vec3 size, double top_x, double top_z);
Shape ellipsoid(Vec3 radii);
/// Cylinder or cone about the y axis.
Shape frustum(double bottom_radius, double top_radius, double height);

struct SurfaceHit {
  double t = std::numeric_limits<double>::infinity();
  Vec3 normal{};  ///< unit length, own frame
  int face = 0;   ///< 0 1 2: a flat face that looks along x, y or z; 3: round
};

/// Finds where a ray, given in the shape's frame, enters it at a t in (t_min, t_max). A ray that
/// starts inside does not hit.
std::optional<SurfaceHit> intersect(const Shape& shape, const Ray& ray, double t_min, double t_max);

}  // namespace vdd::scenes
