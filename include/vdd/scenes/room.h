// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "vdd/scenes/scene.h"

namespace vdd::scenes {

struct RoomConfig {
  std::uint64_t seed = 0;         ///< fixes the room
  std::int64_t take = 0;          ///< the camera's path: another one for each number
  double duration = 3.2;          ///< seconds
  double tan_half_width = 0.577;  ///< tangent of half the angle in which a path shows depth
};

/// A furnished room: living room, bedroom, office, corridor or store, with lamps and sometimes a
/// window that lets the sun in and shows nothing but sky. In one room of three something moves.
Scene make_room(const RoomConfig& config);

}  // namespace vdd::scenes
