// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "vdd/scenes/material.h"
#include "vdd/scenes/road.h"
#include "vdd/scenes/shape.h"

namespace vdd::scenes {

struct Part {
  Shape shape;
  Pose object_from_part;
  int material = 0;  ///< index into Scene::materials
};

/// Solids that move together. Time is in seconds.
struct Object {
  std::vector<Part> parts{};
  Pose pose{};                                ///< world from object
  std::function<Pose(double time)> motion{};  ///< replaces `pose` where it is set
  std::string label{};                        ///< traffic only: Car, Van, Truck, Misc
  Vec3 size{};                                ///< size of labelled objects: width, height, length

  Pose pose_at(double time) const { return motion ? motion(time) : pose; }
};

struct Sun {
  Vec3 direction{0, 1, 0};  ///< towards the sun
  Vec3 color;               ///< irradiance on a surface that faces it, over pi
};

struct Lamp {
  Vec3 position;
  Vec3 power;  ///< radiance of a white surface that faces it, one metre away
};

/// What is seen where nothing is hit, and the light from there.
struct Sky {
  Vec3 zenith, horizon, cloud;
  double coverage = 0.4;          ///< share of clouds, 0..1
  Vec3 ambient_up, ambient_down;  ///< light on surfaces that face up, down
  double haze = 0;                ///< extinction, 1/m; far things take the colour of the horizon
  std::uint32_t seed = 0;
};

struct Extent {
  Vec3 low, high;
};

struct Scene {
  std::vector<Material> materials;
  std::vector<Object> objects;
  std::optional<Road> road;    ///< the ground, outdoors
  std::optional<Extent> room;  ///< inner faces, indoors: light fades towards the corners
  Sun sun;
  Sky sky;
  std::vector<Lamp> lamps;
  std::function<Pose(double time)> camera;  ///< world from camera

  int add(const Material& material) {
    materials.push_back(material);
    return static_cast<int>(materials.size()) - 1;
  }
};

}  // namespace vdd::scenes
