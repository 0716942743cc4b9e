// SPDX-License-Identifier: Apache-2.0
#include "bvh.h"

#include <array>
#include <limits>

namespace vdd::scenes {
namespace {

using Iterator = std::vector<Solid>::const_iterator;

constexpr int kBins = 12;

struct Split {
  int axis = 0;
  double at = 0;  // solids whose centre lies below go left
  double cost = std::numeric_limits<double>::infinity();
};

Extent join(const Extent& a, const Extent& b) {
  return {min(a.low, b.low), max(a.high, b.high)};
}

Extent bounds_of(Iterator begin, Iterator end) {
  Extent out = begin->bounds;
  for (Iterator i = begin; i != end; ++i) out = join(out, i->bounds);
  return out;
}

Vec3 center(const Solid& solid) {
  return (solid.bounds.low + solid.bounds.high) / 2;
}

double area(const Extent& e) {
  const Vec3 d = e.high - e.low;
  return d.x * d.y + d.y * d.z + d.z * d.x;
}

/// The split whose two halves are the least work: number of solids times the area that a ray may
/// hit, for the borders of a few bins along each axis.
Split best_split(Iterator begin, Iterator end) {
  Vec3 low = center(*begin), high = low;
  for (Iterator i = begin; i != end; ++i) low = min(low, center(*i)), high = max(high, center(*i));
  Split best;
  for (int axis = 0; axis < 3; ++axis) {
    const double width = (high[axis] - low[axis]) / kBins;
    if (width <= 0) continue;
    std::array<Extent, kBins> bounds;
    std::array<int, kBins> counts{};
    for (Iterator i = begin; i != end; ++i) {
      const int bin = std::min(static_cast<int>((center(*i)[axis] - low[axis]) / width), kBins - 1);
      bounds[bin] = counts[bin]++ ? join(bounds[bin], i->bounds) : i->bounds;
    }
    for (int border = 1; border < kBins; ++border) {
      const auto work = [&](int from, int to) {
        Extent all;
        int count = 0;
        for (int bin = from; bin < to; ++bin) {
          if (counts[bin] == 0) continue;
          all = count ? join(all, bounds[bin]) : bounds[bin];
          count += counts[bin];
        }
        return count ? count * area(all) : 0;
      };
      const double cost = work(0, border) + work(border, kBins);
      if (cost < best.cost) best = {axis, low[axis] + width * border, cost};
    }
  }
  return best;
}

}  // namespace

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
  const auto begin = solids_.begin() + first, end = solids_.begin() + last;
  const Extent bounds = bounds_of(begin, end);
  nodes_[index].bounds = bounds;
  const Split split = last - first <= 2 ? Split{} : best_split(begin, end);
  const int middle = static_cast<int>(
      std::stable_partition(begin, end,
                            [&](const Solid& s) { return center(s)[split.axis] < split.at; }) -
      solids_.begin());
  if (middle == first || middle == last || split.cost >= (last - first) * area(bounds)) {
    nodes_[index].first = first;
    nodes_[index].count = last - first;
    return;
  }
  nodes_[index].axis = split.axis;
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
