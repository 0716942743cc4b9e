// SPDX-License-Identifier: Apache-2.0
#include "bvh.h"

namespace vdd::scenes {

Extent world_bounds(const Shape& shape, const Pose& world_from_solid) {
  Vec3 half = shape.half;
  if (shape.kind == ShapeKind::kFrustum) half.x = half.z = std::max(shape.half.x, shape.top_x);
  Vec3 reach;
  for (int i = 0; i < 3; ++i) reach[i] = dot(abs(world_from_solid.rotation.rows[i]), half);
  return {world_from_solid.translation - reach, world_from_solid.translation + reach};
}

Bvh::Bvh(std::vector<Solid> solids) : solids_(std::move(solids)) {
  nodes_.reserve(2 * solids_.size());
  if (!solids_.empty()) build(0, static_cast<int>(solids_.size()));
}

void Bvh::build(int first, int last) {
  const std::size_t index = nodes_.size();
  nodes_.emplace_back();
  Extent bounds = solids_[first].bounds;
  for (int i = first + 1; i < last; ++i) {
    bounds = {min(bounds.low, solids_[i].bounds.low), max(bounds.high, solids_[i].bounds.high)};
  }
  nodes_[index].bounds = bounds;
  if (last - first <= 2) {
    nodes_[index].first = first;
    nodes_[index].count = last - first;
    return;
  }
  const Vec3 size = bounds.high - bounds.low;
  const int axis = size.x >= size.y && size.x >= size.z ? 0 : size.y >= size.z ? 1 : 2;
  nodes_[index].axis = axis;
  const int middle = (first + last) / 2;
  std::stable_sort(
      solids_.begin() + first, solids_.begin() + last, [axis](const Solid& a, const Solid& b) {
        return a.bounds.low[axis] + a.bounds.high[axis] < b.bounds.low[axis] + b.bounds.high[axis];
      });
  build(first, middle);
  nodes_[index].first = static_cast<std::int32_t>(nodes_.size());
  build(middle, last);
}

Bvh::Hit Bvh::closest(const Ray& ray, double t_min, double t_max) const {
  Hit hit;
  walk(ray, t_min, t_max, [&](int i) {
    if (const auto found = intersect(solids_[i].shape, solids_[i].to_local(ray), t_min, t_max)) {
      hit = {*found, i};
      t_max = found->t;
    }
    return false;
  });
  return hit;
}

}  // namespace vdd::scenes
