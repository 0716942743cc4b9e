// SPDX-License-Identifier: Apache-2.0
#include "vdd/scenes/shape.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "vdd/core/random.h"

namespace vdd::scenes {
namespace {

constexpr double kFarAway = std::numeric_limits<double>::infinity();

void expect_hit(const Shape& shape, const Ray& ray, double t, Vec3 outward, int face) {
  const auto hit = intersect(shape, ray, 0, kFarAway);
  ASSERT_TRUE(hit) << "wanted at " << t;
  const Vec3 normal = normalized(outward);
  EXPECT_NEAR(hit->t, t, 1e-12);
  for (int i = 0; i < 3; ++i) EXPECT_NEAR(hit->normal[i], normal[i], 1e-12) << t << ' ' << i;
  EXPECT_EQ(hit->face, face) << t;
}

TEST(Shape, ABoxIsEnteredThroughTheFaceThatLooksAtTheRay) {
  const Vec3 half{1, 2, 3};
  for (int axis = 0; axis < 3; ++axis) {
    for (const double side : {-1.0, 1.0}) {
      Vec3 origin{0.3, 0.4, 0.5}, direction, normal;
      origin[axis] = side * 10;
      direction[axis] = -side;
      normal[axis] = side;
      expect_hit(box(half * 2), {origin, direction}, 10 - half[axis], normal, axis);
    }
  }
}

TEST(Shape, AnEllipsoidIsHitWhereItsEquationHolds) {
  const Shape shape = ellipsoid({2, 1, 3});
  expect_hit(shape, {{0, 10, 0}, {0, -1, 0}}, 9, {0, 1, 0}, 3);
  expect_hit(shape, {{0, 0, 10}, {0, 0, -1}}, 7, {0, 0, 1}, 3);
  // (1.6 / 2)^2 + (0.6 / 1)^2 = 1; the gradient there is (2 * 1.6 / 4, 2 * 0.6 / 1).
  expect_hit(shape, {{10, 0.6, 0}, {-1, 0, 0}}, 8.4, {0.8, 1.2, 0}, 3);
}

TEST(Shape, ACylinderIsHitOnItsSideAndOnItsCaps) {
  const Shape shape = frustum(2, 2, 4);
  expect_hit(shape, {{10, 1, 0}, {-1, 0, 0}}, 8, {1, 0, 0}, 3);
  expect_hit(shape, {{10, 1, 1.2}, {-1, 0, 0}}, 8.4, {1.6, 0, 1.2}, 3);  // 1.6^2 + 1.2^2 = 2^2
  expect_hit(shape, {{1, 10, 1}, {0, -1, 0}}, 8, {0, 1, 0}, 1);
  expect_hit(shape, {{1, -10, 1}, {0, 1, 0}}, 8, {0, -1, 0}, 1);
}

TEST(Shape, TheSideOfAConeLeans) {
  // From (2, -2) at the bottom to the tip at (0, 2): a step of (-2, 4), so outward is (4, 2).
  expect_hit(frustum(2, 0, 4), {{10, 0, 0}, {-1, 0, 0}}, 9, {4, 2, 0}, 3);
  expect_hit(frustum(2, 0, 4), {{0, 0, -10}, {0, 0, 1}}, 9, {0, 2, -4}, 3);
  // From (2, -2) to (1, 2): the radius is 1.5 half way up, and outward is (4, 1).
  expect_hit(frustum(2, 1, 4), {{1.5, 10, 0}, {0, -1, 0}}, 10, {4, 1, 0}, 3);
  expect_hit(frustum(2, 1, 4), {{0.5, 10, 0}, {0, -1, 0}}, 8, {0, 1, 0}, 1);
  // The wider end up: from (1, -2) to (2, 2).
  expect_hit(frustum(1, 2, 4), {{1.5, -10, 0}, {0, 1, 0}}, 10, {4, -1, 0}, 3);
}

TEST(Shape, TheFacesOfATaperLean) {
  // From (2, -2) to (1, 2): 1.5 half way up, and outward is (4, 1).
  const Shape roof = taper({4, 4, 4}, 0.5, 1);
  expect_hit(roof, {{10, 0, 0}, {-1, 0, 0}}, 8.5, {4, 1, 0}, 0);
  expect_hit(roof, {{-10, 0, 0}, {1, 0, 0}}, 8.5, {-4, 1, 0}, 0);
  expect_hit(roof, {{0, 0, 10}, {0, 0, -1}}, 8, {0, 0, 1}, 2);
  expect_hit(roof, {{0.5, 10, 0.5}, {0, -1, 0}}, 8, {0, 1, 0}, 1);
  expect_hit(roof, {{1.9, -10, 0.5}, {0, 1, 0}}, 8, {0, -1, 0}, 1);
  // A pyramid from (1, -1) to its tip at (0, 1): x = 0.25 is at a height of 0.5.
  expect_hit(taper({2, 2, 2}, 0, 0), {{0.25, 5, 0}, {0, -1, 0}}, 4.5, {2, 1, 0}, 0);
  expect_hit(taper({2, 2, 2}, 0, 0), {{0, 5, -0.25}, {0, -1, 0}}, 4.5, {0, 1, -2}, 2);
}

struct Rim {
  Shape shape;
  double at;  ///< half the width at half the height
};

TEST(Shape, ARayPastTheRimMisses) {
  for (const Rim& rim : {Rim{box({2, 2, 2}), 1}, Rim{taper({2, 2, 2}, 0.5, 1), 0.75},
                         Rim{ellipsoid({1, 2, 3}), 1}, Rim{frustum(2, 1, 2), 1.5}}) {
    for (const double side : {-1.0, 1.0}) {
      const Vec3 forward{0, 0, -1};
      EXPECT_TRUE(intersect(rim.shape, {{side * (rim.at - 1e-6), 0, 10}, forward}, 0, kFarAway));
      EXPECT_FALSE(intersect(rim.shape, {{side * (rim.at + 1e-6), 0, 10}, forward}, 0, kFarAway));
    }
  }
}

/// Shapes that hold the cube from -0.5 to 0.5 and lie within 3 of the origin.
std::vector<Shape> one_of_each() {
  std::vector<Shape> shapes = {box({3, 2, 4}), taper({3, 2, 4}, 0.3, 0.5), ellipsoid({1, 1.5, 2})};
  for (const double top : {0.5, 1.0, 1.5}) shapes.push_back(frustum(2 - top, top, 2));
  return shapes;
}

Vec3 somewhere(Random& random, double reach) {
  const double x = random.uniform(-reach, reach), y = random.uniform(-reach, reach);
  return {x, y, random.uniform(-reach, reach)};
}

/// By the definition of each kind: below 0 inside, above 0 outside.
double outside_by(const Shape& shape, Vec3 p) {
  const Vec3 h = shape.half;
  const double up = (p.y + h.y) / (2 * h.y);  // 0 at the bottom, 1 at the top
  switch (shape.kind) {
    case ShapeKind::kBox:
      return std::max({std::abs(p.x) - h.x, std::abs(p.y) - h.y, std::abs(p.z) - h.z});
    case ShapeKind::kTaper:
      return std::max({std::abs(p.x) - h.x * mix(1.0, shape.top_x, up), std::abs(p.y) - h.y,
                       std::abs(p.z) - h.z * mix(1.0, shape.top_z, up)});
    case ShapeKind::kEllipsoid:
      return std::hypot(p.x / h.x, p.y / h.y, p.z / h.z) - 1;
    case ShapeKind::kFrustum:
      return std::max(std::hypot(p.x, p.z) - mix(h.x, shape.top_x, up), std::abs(p.y) - h.y);
  }
  return 0;
}

/// The first of 1000 points of the ray before `t_max` that lies inside.
std::optional<double> first_inside(const Shape& shape, const Ray& ray, double t_max) {
  for (int i = 0; i < 1000; ++i) {
    const double t = t_max * (i + 0.5) / 1000;
    if (outside_by(shape, ray.origin + t * ray.direction) < -1e-6) return t;
  }
  return std::nullopt;
}

TEST(Shape, ARayFromOutsideHitsWhereItFirstGetsIn) {
  Random random(1);
  for (const Shape& shape : one_of_each()) {
    int hits = 0, misses = 0;
    for (int i = 0; i < 400; ++i) {
      const Vec3 origin = 5 * normalized(somewhere(random, 1));
      const Ray ray{origin, somewhere(random, 2) - origin};
      const auto hit = intersect(shape, ray, 0, 3);
      const auto inside = first_inside(shape, ray, 3);
      if (!hit) {
        EXPECT_FALSE(inside);
        ++misses;
        continue;
      }
      ++hits;
      EXPECT_LE(hit->t, inside.value_or(3.0));
      EXPECT_NEAR(outside_by(shape, ray.origin + hit->t * ray.direction), 0, 1e-7);
      EXPECT_NEAR(length(hit->normal), 1, 1e-12);
      EXPECT_LT(dot(hit->normal, ray.direction), 0);
    }
    EXPECT_GT(hits, 40);
    EXPECT_GT(misses, 40);
  }
}

TEST(Shape, ARayThatStartsInsideDoesNotHit) {
  Random random(2);
  for (const Shape& shape : one_of_each()) {
    for (int i = 0; i < 100; ++i) {
      const Ray ray{somewhere(random, 0.5), somewhere(random, 1)};
      EXPECT_FALSE(intersect(shape, ray, 0, kFarAway));
    }
  }
}

TEST(Shape, WhatLiesBehindIsNotHit) {
  for (const Shape& shape : one_of_each()) {
    for (int axis = 0; axis < 3; ++axis) {
      Vec3 origin{0.1, 0.1, 0.1}, direction;
      origin[axis] = 10, direction[axis] = 1;
      EXPECT_FALSE(intersect(shape, {origin, direction}, 0, kFarAway));
      direction[axis] = -1;
      EXPECT_TRUE(intersect(shape, {origin, direction}, 0, kFarAway));
    }
  }
}

TEST(Shape, AHitCountsWithinTheRangeOnly) {
  for (const Shape& shape : one_of_each()) {
    const Ray ray{{0.1, 0.1, 10}, {0, 0, -1}};
    const auto hit = intersect(shape, ray, 0, kFarAway);
    ASSERT_TRUE(hit);
    EXPECT_TRUE(intersect(shape, ray, hit->t - 1e-6, hit->t + 1e-6));
    EXPECT_FALSE(intersect(shape, ray, 0, hit->t - 1e-6));
    EXPECT_FALSE(intersect(shape, ray, hit->t + 1e-6, kFarAway));
  }
}

TEST(Shape, DistancesCountInLengthsOfTheDirection) {
  for (const Shape& shape : one_of_each()) {
    const auto one = intersect(shape, {{0.1, 0.2, 10}, {0.01, 0, -1}}, 0, kFarAway);
    const auto quarter = intersect(shape, {{0.1, 0.2, 10}, {0.04, 0, -4}}, 0, kFarAway);
    ASSERT_TRUE(one && quarter);
    EXPECT_NEAR(quarter->t, one->t / 4, 1e-12);
  }
}

}  // namespace
}  // namespace vdd::scenes
