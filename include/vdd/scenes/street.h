// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "vdd/scenes/scene.h"

namespace vdd::scenes {

enum class Weather { kClear, kFog, kMorning, kOvercast, kRain, kSunset };

struct StreetConfig {
  std::uint64_t seed = 0;  ///< fixes the place, the traffic and the drive
  Weather weather = Weather::kClear;
  double yaw = 0;  ///< turn of the camera against the direction of travel, radians, to the left
  double duration = 3.2;  ///< seconds that the camera drives
};

/// A drive along a street: city, suburb, countryside, forest or industrial estate, with traffic and
/// people. The same seed gives the same place under every weather and yaw.
Scene make_street(const StreetConfig& config);

}  // namespace vdd::scenes
