// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "vdd/scenes/room.h"

namespace vdd::scenes {

/// Draws the path of the camera: it keeps clear of walls and furniture and shows near and far
/// things.
std::function<Pose(double time)> film_room(const Scene& scene, const RoomConfig& config);

}  // namespace vdd::scenes
