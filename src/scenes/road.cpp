// SPDX-License-Identifier: Apache-2.0
#include "vdd/scenes/road.h"

namespace vdd::scenes {
namespace {

constexpr double kTurn = 6.283185307179586;
constexpr double kKerb = 0.18;
constexpr double kCrossingHalfWidth = 3.2;

Vec3 flat(const Material& material, double u, double v, double footprint_u, double footprint_v) {
  return albedo(material, {.position = {u, 0, v},
                           .footprint = {footprint_u, 0, footprint_v},
                           .u = u,
                           .v = v,
                           .footprint_u = footprint_u,
                           .footprint_v = footprint_v});
}

}  // namespace

double Road::center(double s) const {
  return bend * (std::sin(kTurn * s / bend_length + bend_phase) - std::sin(bend_phase));
}

double Road::heading(double s) const {
  return std::atan(bend * kTurn / bend_length * std::cos(kTurn * s / bend_length + bend_phase));
}

Pose Road::place(double s, double across, double height) const {
  const double angle = heading(s);
  return {rotation_y(-angle),
          {center(s) + across * std::cos(angle), height, -s + across * std::sin(angle)}};
}

Vec3 Road::albedo(Vec3 point, Vec3 footprint) const {
  const double s = -point.z, turn = std::cos(heading(s));
  const double across = (point.x - center(s)) * turn, side = std::abs(across);
  const double fu = footprint.x + std::sin(heading(s)) * footprint.z, fv = footprint.z;
  const auto beyond = [](double x, double edge, double width) { return band(x, edge, 1e9, width); };

  const double off_road = beyond(side, half_width, fu);
  const double off_pavement = beyond(side, half_width + kKerb + pavement, fu);
  Vec3 color{};
  if (off_road < 1) {
    color = flat(asphalt, across, s, fu, fv);
    // Two worn tracks a lane, then the paint.
    const double tracks = 0.5 - 0.5 * std::cos(kTurn * across / (half_width / 2));
    color = color * (1 - 0.12 * tracks * std::clamp(2 - fu, 0.0, 1.0));
    double paint_share =
        band(across, -line_width / 2, line_width / 2, fu) * pulse(s, 3 * dash, 1.0 / 3, fv);
    if (edge_lines)
      paint_share += band(side, half_width - 0.35, half_width - 0.35 + line_width, fu);
    for (const double at : crossings) {
      const double d = std::abs(s - at);
      paint_share *= 1 - band(d, -1, kCrossingHalfWidth + 4, fv);
      paint_share += band(d, kCrossingHalfWidth + 0.8, kCrossingHalfWidth + 3.6, fv) *
                     pulse(across, 1.0, 0.5, fu);  // zebra
    }
    color = mix(color, paint, 0.85 * std::min(paint_share, 1.0));
  }
  if (off_road > 0) {
    Vec3 ground{};
    if (off_pavement < 1) ground = flat(slabs, across, s, fu, fv);
    if (off_pavement > 0)
      ground = mix(ground, flat(verge, point.x, point.z, footprint.x, fv), off_pavement);
    ground = mix(ground, slabs.colors[0] * 1.15, band(side, half_width, half_width + kKerb, fu));
    double on_crossing = 0;
    for (const double at : crossings) {
      on_crossing += band(s - at, -kCrossingHalfWidth, kCrossingHalfWidth, fv);
    }
    if (on_crossing > 0)
      ground = mix(ground, flat(asphalt, across, s, fu, fv), std::min(on_crossing, 1.0));
    color = mix(color, ground, off_road);
  }
  return color;
}

}  // namespace vdd::scenes
