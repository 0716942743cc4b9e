// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

// What colour maps and sheets of pictures share.
namespace vdd::io {

constexpr std::uint8_t kGrey = 128;  // stands for NaN

/// Brings 0..1 to 0..255, and clamps what lies outside.
inline std::uint8_t to_byte(double x) {
  return static_cast<std::uint8_t>(std::lround(255 * std::clamp(x, 0.0, 1.0)));
}

}  // namespace vdd::io
