// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "vdd/scenes/material.h"

namespace vdd::scenes {

/// The ground plane y = 0 of an outdoor scene: a winding road towards -z with pavements, then the
/// verge. Along the road: s = -z. Across it: metres to the right of its centre line.
struct Road {
  double bend = 0;  ///< how far the centre line swings to the side, metres
  double bend_length = 200;
  double bend_phase = 0;
  double half_width = 4;
  double pavement = 2;  ///< width of each pavement
  double line_width = 0.14;
  double dash = 3;  ///< of the centre line, metres; the gap is twice as long
  bool edge_lines = true;
  std::vector<double> crossings;  ///< s of crossing roads
  Material asphalt, slabs, verge;
  Vec3 paint{0.7, 0.7, 0.68};

  double center(double s) const;
  double heading(double s) const;
  /// Places an object at (s, across), its -z axis along the road.
  Pose place(double s, double across, double height = 0) const;
  /// Colour at a point of the plane; `footprint` per world axis of one pixel.
  Vec3 albedo(Vec3 point, Vec3 footprint) const;
};

}  // namespace vdd::scenes
