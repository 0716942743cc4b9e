// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "vdd/scenes/scene.h"

namespace vdd::scenes {

/// A pinhole camera whose image plane may be tilted. Camera axes: x right, y up, looking along -z.
/// The ray of the pixel (column x, row y) is ray_from_uv * (2 (x + 0.5) / W - 1, 1 - 2 (y + 0.5) /
/// H, 1).
struct Camera {
  Pose world_from_camera;
  Mat3 ray_from_uv;
  std::int64_t height = 0, width = 0;
};

/// Row-major pixels. Geometry is sampled at the pixel's centre; colour is averaged over the pixel
/// (2x2 samples at borders of surfaces and shadows, textures over their whole footprint).
struct Frame {
  std::int64_t height = 0, width = 0;
  std::vector<float> radiance;  ///< linear R, G, B
  /// Metres along the camera's axis; infinite where there is only sky.
  std::vector<float> depth;
  std::vector<float> distance;  ///< from the camera's centre, metres
  /// Index of the object; number of objects for the ground; -1 for the sky.
  std::vector<std::int32_t> entity;
};

/// A scene as it stands at one moment. The scene must outlive it. Const members may be called from
/// several threads.
class Renderer {
 public:
  Renderer(const Scene& scene, double time);
  ~Renderer();

  Frame render(const Camera& camera) const;
  struct Seen {
    double distance = 0;  ///< infinite if nothing is met
    int entity = -1;      ///< as in Frame
  };
  /// Finds the first surface along a ray of unit direction.
  Seen look(const Ray& ray) const;

 private:
  class Tracer;
  std::unique_ptr<const Tracer> tracer_;
};

}  // namespace vdd::scenes
