// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>

#include "vdd/core/enum_names.h"

// Colours of disparity, for people. Every map is such that near = 1 is its bright or red end.
namespace vdd::io {

enum class Colormap {
  kTurbo,     ///< Mikhailov 2019, as a polynomial: blue, green, yellow, red
  kSpectral,  ///< ColorBrewer's, reversed: blue, green, yellow, red
  kInferno,
  kViridis,
  kGray,
  kMagma,
};
constexpr auto names(Colormap) {
  return enum_names<Colormap>({{Colormap::kTurbo, "turbo"},
                               {Colormap::kSpectral, "spectral"},
                               {Colormap::kInferno, "inferno"},
                               {Colormap::kViridis, "viridis"},
                               {Colormap::kGray, "gray"},
                               {Colormap::kMagma, "magma"}});
}

using Color = std::array<std::uint8_t, 3>;  ///< RGB

/// Colours a value; those outside of [0,1] are clamped, NaN becomes grey.
Color color_of(double value, Colormap map = Colormap::kTurbo);

/// Draws [T,H,W], of any floating type and device, as 8-bit RGB [T,H,W,3] on the CPU; low..high is
/// drawn as 0..1. Throws ShapeError for another shape, or if the range is empty.
at::Tensor colorize(const at::Tensor& disparity_THW, double low = 0.0, double high = 1.0,
                    Colormap map = Colormap::kTurbo);

}  // namespace vdd::io
