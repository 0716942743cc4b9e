// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "vdd/scenes/geometry.h"

// Procedural surface colours. Each is averaged over the footprint of a pixel: regular patterns by
// their exact integral along u and v, noise by leaving out the octaves that a pixel cannot hold.
namespace vdd::scenes {

enum class Pattern {
  kPlain,    ///< colors[0], a little uneven
  kMottle,   ///< clouds of colors[0] and [1]: plaster, stone, fabric
  kGrain,    ///< wood grain along u
  kChecker,  ///< squares of `size`
  kTiles,    ///< squares of `size` with joints of colors[1]
  kBricks,   ///< rows of height `size`, 2.6 times as long
  kPlanks,   ///< boards of width `size` along u
  kStripes,  ///< upright stripes, one of each colour in `size`
  kDots,     ///< round dots of colors[1] in a grid of `size`
  kWindows,  ///< house front: windows (colors[1], frames colors[2]) in a grid of `size` by `size2`
  kBooks,    ///< upright backs of many colours, about `size` wide, in rows of `size2`
  kPicture,  ///< an abstract painting of three colours
  kFoliage,  ///< leaves: light and dark blobs of `size`
};

struct Material {
  Pattern pattern = Pattern::kPlain;
  std::array<Vec3, 3> colors{};  ///< linear albedo, 0..1
  double size = 1;               ///< metres
  double size2 = 1;
  double uneven = 0.15;  ///< strength of the overlaid noise
  double gloss = 0;      ///< strength of the highlight
  double emission = 0;   ///< radiance added, times the colour
  std::uint32_t seed = 0;
};

/// A point on a surface: where it is in the object's frame, and how much of each axis one pixel
/// covers.
struct SurfacePoint {
  Vec3 position;
  Vec3 footprint;
  double u = 0, v = 0;  ///< metres along the surface, v up where it stands
  double footprint_u = 0, footprint_v = 0;
};

Vec3 albedo(const Material& material, const SurfacePoint& point);

/// Integer noise: well mixed, the same on every machine.
std::uint32_t hash(std::int32_t x, std::int32_t y, std::int32_t z, std::uint32_t seed);
/// Sum of octaves of value noise, about -0.5 .. 0.5, first wavelength 1; wavelengths below twice
/// the footprint are faded out.
double fractal_noise(Vec3 p, double footprint, int octaves, std::uint32_t seed);
/// Share of [x - width/2, x + width/2] that lies within [0, duty * period) of a pattern with this
/// period.
double pulse(double x, double period, double duty, double width);
/// Share of [x - width/2, x + width/2] that lies between low and high.
double band(double x, double low, double high, double width);

}  // namespace vdd::scenes
