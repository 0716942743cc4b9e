// SPDX-License-Identifier: Apache-2.0
#include "../../src/scenes/bvh.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numbers>
#include <vector>

#include "vdd/core/random.h"

namespace vdd::scenes {
namespace {

constexpr double kEndless = std::numeric_limits<double>::infinity();
constexpr Ray kAlongX{{0, 0, 0}, {1, 0, 0}};

Solid solid_of(const Shape& shape, const Pose& pose, int object) {
  return {.shape = shape,
          .world_from_solid = pose,
          .bounds = world_bounds(shape, pose),
          .material = object % 2,
          .object = object};
}

Vec3 point_within(Random& random, double reach) {
  const double x = random.uniform(-reach, reach), y = random.uniform(-reach, reach);
  return {x, y, random.uniform(-reach, reach)};
}

/// Solids of every kind within 10 m, of up to 2 m; some overlap.
std::vector<Solid> crowd(Random& random, int count, bool turned) {
  std::vector<Solid> solids;
  for (int i = 0; i < count; ++i) {
    const double x = random.uniform(0.2, 2), y = random.uniform(0.2, 2), z = random.uniform(0.2, 2);
    const double top = random.uniform(), tilt = random.uniform(0, 6), turn = random.uniform(0, 6);
    const Shape kinds[] = {box({x, y, z}), taper({x, y, z}, top, 1),
                           ellipsoid({x / 2, y / 2, z / 2}), frustum(x / 2, top * x / 2, y)};
    const Mat3 rotation = turned ? rotation_x(tilt) * rotation_y(turn) : Mat3{};
    solids.push_back(solid_of(kinds[i % 4], {rotation, point_within(random, 10)}, i));
  }
  return solids;
}

struct Nearest {
  double t = kEndless;
  int object = -1;
};

Nearest nearest_by_loop(const std::vector<Solid>& solids, const Ray& ray, double t_min,
                        double t_max) {
  Nearest nearest;
  for (const Solid& solid : solids) {
    const auto hit = intersect(solid.shape, solid.to_local(ray), t_min, t_max);
    if (hit && hit->t < nearest.t) nearest = {hit->t, solid.object};
  }
  return nearest;
}

Nearest nearest_by_tree(const Bvh& bvh, const Ray& ray, double t_min, double t_max) {
  const Bvh::Hit hit = bvh.closest(ray, t_min, t_max);
  if (hit.solid < 0) return {hit.surface.t, -1};
  return {hit.surface.t, bvh.solids()[static_cast<std::size_t>(hit.solid)].object};
}

/// True if something is hit.
bool expect_the_same(const Bvh& bvh, const std::vector<Solid>& solids, const Ray& ray) {
  const Nearest wanted = nearest_by_loop(solids, ray, 1e-3, kEndless);
  const Nearest found = nearest_by_tree(bvh, ray, 1e-3, kEndless);
  EXPECT_DOUBLE_EQ(found.t, wanted.t);
  EXPECT_EQ(found.object, wanted.object);
  return wanted.object >= 0;
}

TEST(Bvh, FindsWhatALoopOverAllShapesFinds) {
  Random random(1);
  const std::vector<Solid> solids = crowd(random, 200, /*turned=*/true);
  const Bvh bvh(solids);
  int hits = 0;
  for (int i = 0; i < 2000; ++i) {
    const Ray ray{point_within(random, 12), point_within(random, 1)};
    hits += expect_the_same(bvh, solids, ray);
  }
  EXPECT_GT(hits, 100);
  EXPECT_LT(hits, 1900);
}

TEST(Bvh, FindsWhatALoopFindsAlongTheAxes) {
  Random random(2);
  const std::vector<Solid> solids = crowd(random, 200, /*turned=*/false);
  const Bvh bvh(solids);
  int hits = 0;
  for (int axis = 0; axis < 3; ++axis) {
    for (const double way : {-1.0, 1.0}) {
      Vec3 direction;
      direction[axis] = way;
      for (int i = 0; i < 100; ++i)
        hits += expect_the_same(bvh, solids, {point_within(random, 11), direction});
    }
  }
  EXPECT_GT(hits, 50);
  EXPECT_LT(hits, 550);
}

TEST(Bvh, ARayFromWithinASolidFindsAnother) {
  Random random(3);
  const std::vector<Solid> solids = crowd(random, 200, /*turned=*/true);
  const Bvh bvh(solids);
  for (const Solid& solid : solids) {
    const Ray ray{solid.world_from_solid.translation, point_within(random, 1)};
    expect_the_same(bvh, solids, ray);
    EXPECT_NE(nearest_by_tree(bvh, ray, 1e-3, kEndless).object, solid.object);
  }
}

TEST(Bvh, TellsWhetherALoopFindsAnythingThatIsNotIgnored) {
  Random random(4);
  const std::vector<Solid> solids = crowd(random, 200, /*turned=*/true);
  const Bvh bvh(solids);
  int hits = 0;
  for (int i = 0; i < 1000; ++i) {
    const Ray ray{point_within(random, 12), point_within(random, 1)};
    const double reach = random.uniform(0.5, 20);
    for (const int ignored : {-1, 0, 1}) {
      const auto ignore = [&](const Solid& solid) { return solid.material == ignored; };
      const bool wanted = std::any_of(solids.begin(), solids.end(), [&](const Solid& solid) {
        return !ignore(solid) && intersect(solid.shape, solid.to_local(ray), 1e-3, reach);
      });
      EXPECT_EQ(bvh.any(ray, 1e-3, reach, ignore), wanted);
      hits += wanted;
    }
  }
  EXPECT_GT(hits, 50);
  EXPECT_LT(hits, 2950);
}

TEST(Bvh, KeepsEachSolidOnce) {
  Random random(5);
  const Bvh bvh(crowd(random, 97, /*turned=*/true));
  std::vector<int> times(97);
  for (const Solid& solid : bvh.solids()) ++times.at(static_cast<std::size_t>(solid.object));
  EXPECT_EQ(times, std::vector<int>(97, 1));
}

TEST(Bvh, WithoutSolidsNothingIsHit) {
  const Bvh bvh(std::vector<Solid>{});
  EXPECT_EQ(bvh.closest(kAlongX, 0, kEndless).solid, -1);
  EXPECT_FALSE(bvh.any(kAlongX, 0, kEndless, [](const Solid&) { return false; }));
}

TEST(Bvh, OneSolidIsHitWhereItStands) {
  const Bvh bvh(std::vector<Solid>{solid_of(box({2, 2, 2}), {{}, {5, 0, 0}}, 7)});
  const Bvh::Hit hit = bvh.closest(kAlongX, 0, kEndless);
  EXPECT_EQ(hit.solid, 0);
  EXPECT_DOUBLE_EQ(hit.surface.t, 4);
  EXPECT_EQ(hit.surface.normal.x, -1);
  EXPECT_EQ(hit.surface.face, 0);
  EXPECT_EQ(bvh.closest({{0, 0, 0}, {-1, 0, 0}}, 0, kEndless).solid, -1);
  EXPECT_EQ(bvh.closest({{0, 1.1, 0}, {1, 0, 0}}, 0, kEndless).solid, -1);
}

TEST(Bvh, AllOfManyAtOnePlaceAreLookedAt) {
  std::vector<Solid> solids;
  for (int i = 0; i < 100; ++i) solids.push_back(solid_of(box({2, 2, 2}), {{}, {5, 0, 0}}, i));
  const Bvh bvh(solids);
  EXPECT_DOUBLE_EQ(nearest_by_tree(bvh, kAlongX, 0, kEndless).t, 4);
  for (const int only : {0, 57, 99}) {
    EXPECT_TRUE(
        bvh.any(kAlongX, 0, kEndless, [&](const Solid& solid) { return solid.object != only; }));
  }
  EXPECT_FALSE(bvh.any(kAlongX, 0, kEndless, [](const Solid&) { return true; }));
}

TEST(Bvh, TheRangeLeavesOutWhatIsNearerAndWhatIsFarther) {
  std::vector<Solid> solids;  // boxes that begin at 4, 9, 14, ..., 49
  for (int i = 0; i < 10; ++i)
    solids.push_back(solid_of(box({2, 2, 2}), {{}, {5.0 + 5 * i, 0, 0}}, i));
  const Bvh bvh(solids);
  EXPECT_EQ(nearest_by_tree(bvh, kAlongX, 0, kEndless).object, 0);
  EXPECT_EQ(nearest_by_tree(bvh, kAlongX, 4.5, kEndless).object, 1);
  EXPECT_DOUBLE_EQ(nearest_by_tree(bvh, kAlongX, 4.5, kEndless).t, 9);
  EXPECT_EQ(nearest_by_tree(bvh, kAlongX, 4.5, 8.5).object, -1);
  EXPECT_EQ(nearest_by_tree(bvh, kAlongX, 49.5, kEndless).object, -1);
  EXPECT_EQ(nearest_by_tree(bvh, {{100, 0, 0}, {-1, 0, 0}}, 0, kEndless).object, 9);
  const auto none = [](const Solid&) { return false; };
  EXPECT_FALSE(bvh.any(kAlongX, 0, 3.5, none));
  EXPECT_TRUE(bvh.any(kAlongX, 0, 4.5, none));
  EXPECT_FALSE(bvh.any(kAlongX, 4.5, 8.5, none));
}

void expect_extent(const Extent& extent, Vec3 low, Vec3 high) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_NEAR(extent.low[i], low[i], 1e-12) << i;
    EXPECT_NEAR(extent.high[i], high[i], 1e-12) << i;
  }
}

TEST(WorldBounds, AreThoseOfTheTurnedBoxAroundTheShape) {
  const double half_turn = std::numbers::pi, root = std::numbers::sqrt2;
  expect_extent(world_bounds(box({2, 4, 6}), {{}, {1, 2, 3}}), {0, 0, 0}, {2, 4, 6});
  expect_extent(world_bounds(box({2, 4, 6}), {rotation_y(half_turn / 2), {1, 2, 3}}), {-2, 0, 2},
                {4, 4, 4});
  expect_extent(world_bounds(box({2, 2, 2}), {rotation_z(half_turn / 4), {}}), {-root, -root, -1},
                {root, root, 1});
}

TEST(WorldBounds, HoldTheWiderEndOfAFrustum) {
  expect_extent(world_bounds(frustum(1, 3, 2), {}), {-3, -1, -3}, {3, 1, 3});
  expect_extent(world_bounds(frustum(3, 1, 2), {}), {-3, -1, -3}, {3, 1, 3});
}

}  // namespace
}  // namespace vdd::scenes
