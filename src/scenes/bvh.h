// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "vdd/scenes/scene.h"

namespace vdd::scenes {

/// A part of an object, placed in the world.
struct Solid {
  Shape shape;
  Pose world_from_solid;
  Extent bounds;
  int material = 0;
  int object = 0;

  Ray to_local(const Ray& ray) const {
    return {back(world_from_solid.rotation, ray.origin - world_from_solid.translation),
            back(world_from_solid.rotation, ray.direction)};
  }
};

Extent world_bounds(const Shape& shape, const Pose& world_from_solid);

/// Bounding volume hierarchy, split by the surface area heuristic.
class Bvh {
 public:
  explicit Bvh(std::vector<Solid> solids);

  struct Hit {
    SurfaceHit surface;
    int solid = -1;
  };
  Hit closest(const Ray& ray, double t_min, double t_max) const;
  /// `ignore(solid)` tells which solids let the ray through.
  template <typename Ignore>
  bool any(const Ray& ray, double t_min, double t_max, const Ignore& ignore) const;

  const std::vector<Solid>& solids() const { return solids_; }

 private:
  struct Node {
    Extent bounds;
    /// Leaf: first solid; else: right child (the left one follows its parent).
    std::int32_t first = 0;
    std::int32_t count = 0;  ///< leaf: number of solids; else 0
    int axis = 0;            ///< axis of the split: the left child has the lower coordinates
  };
  /// A ray with what the slab test needs.
  struct Slab {
    Vec3 origin, inverse;
    bool meets(const Extent& e, double t_min, double t_max) const;
  };
  void build(int first, int last);
  template <typename Visit>
  void walk(const Ray& ray, double t_min, double& t_max, const Visit& visit) const;

  std::vector<Solid> solids_;
  std::vector<Node> nodes_;
};

inline bool Bvh::Slab::meets(const Extent& e, double t_min, double t_max) const {
  for (int i = 0; i < 3; ++i) {
    const double a = (e.low[i] - origin[i]) * inverse[i], b = (e.high[i] - origin[i]) * inverse[i];
    t_min = std::max(t_min, std::min(a, b));
    t_max = std::min(t_max, std::max(a, b));
  }
  return t_min <= t_max;
}

template <typename Visit>
void Bvh::walk(const Ray& ray, double t_min, double& t_max, const Visit& visit) const {
  if (nodes_.empty()) return;
  const auto safe = [](double d) { return 1.0 / (d == 0 ? 1e-300 : d); };
  const Slab slab{ray.origin,
                  {safe(ray.direction.x), safe(ray.direction.y), safe(ray.direction.z)}};
  std::int32_t stack[64];
  int depth = 0;
  stack[depth++] = 0;
  while (depth > 0) {
    const std::int32_t index = stack[--depth];
    const Node& node = nodes_[index];
    if (!slab.meets(node.bounds, t_min, t_max)) continue;
    if (node.count == 0) {
      const bool left_first = ray.direction[node.axis] > 0;
      stack[depth++] = left_first ? node.first : index + 1;
      stack[depth++] = left_first ? index + 1 : node.first;
      continue;
    }
    for (int i = node.first; i < node.first + node.count; ++i) {
      if (visit(i)) return;
    }
  }
}

template <typename Ignore>
bool Bvh::any(const Ray& ray, double t_min, double t_max, const Ignore& ignore) const {
  bool found = false;
  walk(ray, t_min, t_max, [&](int i) {
    found = !ignore(solids_[i]) &&
            intersect(solids_[i].shape, solids_[i].to_local(ray), t_min, t_max).has_value();
    return found;
  });
  return found;
}

}  // namespace vdd::scenes
