// SPDX-License-Identifier: Apache-2.0
#include "vdd/scenes/renderer.h"

#include <gtest/gtest.h>

namespace vdd::scenes {
namespace {

constexpr Mat3 kWide{{Vec3{1, 0, 0}, Vec3{0, 1, 0}, Vec3{0, 0, -1}}};

Scene scene_with(const Shape& shape, const Pose& pose) {
  Scene scene;
  scene.add({.colors = {Vec3{0.5, 0.5, 0.5}}});
  scene.sky.ambient_up = scene.sky.ambient_down = {1, 1, 1};
  scene.objects.push_back({.parts = {{shape, {}, 0}}, .pose = pose});
  return scene;
}

double distance_along(const Scene& scene, Vec3 origin, Vec3 direction) {
  return Renderer(scene, 0).look({origin, normalized(direction)}).distance;
}

TEST(Renderer, MeetsEachShapeWhereGeometrySays) {
  const Pose at{{}, {0, 0, -10}};
  EXPECT_NEAR(distance_along(scene_with(box({2, 2, 2}), at), {}, {0, 0, -1}), 9, 1e-12);
  EXPECT_NEAR(distance_along(scene_with(ellipsoid({1, 1, 3}), at), {}, {0, 0, -1}), 7, 1e-12);
  EXPECT_NEAR(distance_along(scene_with(frustum(2, 2, 4), at), {}, {0, 0, -1}), 8, 1e-12);
  EXPECT_NEAR(distance_along(scene_with(frustum(2, 0, 4), at), {}, {0, 0, -1}), 9,
              1e-12);  // cone, half way up
  EXPECT_NEAR(distance_along(scene_with(frustum(2, 1, 4), at), {0, 10, -10}, {0, -1, 0}), 8,
              1e-12);  // its cap
  EXPECT_NEAR(distance_along(scene_with(taper({4, 4, 4}, 1, 0), at), {}, {0, 0, -1}), 9,
              1e-12);  // a gable roof
  EXPECT_NEAR(distance_along(scene_with(taper({4, 4, 4}, 1, 0), at), {5, 0, -10}, {-1, 0, 0}), 3,
              1e-12);
  EXPECT_NEAR(
      distance_along(scene_with(box({2, 2, 2}), {rotation_y(3.14159265358979 / 4), {0, 0, -10}}),
                     {}, {0, 0, -1}),
      10 - std::sqrt(2.0), 1e-9);
  EXPECT_TRUE(std::isinf(distance_along(scene_with(box({2, 2, 2}), at), {}, {0, 0.2, -1})));
  EXPECT_TRUE(std::isinf(distance_along(scene_with(box({2, 2, 2}), at), {}, {0, 0, 1})));
}

TEST(Renderer, ARayFindsTheNearestOfManySolids) {
  Scene scene = scene_with(box({1, 1, 1}), {{}, {0, 0, -50}});
  for (int i = 0; i < 60; ++i) {
    Object object = scene.objects[0];
    object.pose.translation = {0.3 * std::sin(i), 0.3 * std::cos(i), -20.0 - i};
    scene.objects.push_back(object);
  }
  EXPECT_NEAR(distance_along(scene, {}, {0, 0, -1}), 19.5, 1e-12);
}

TEST(Renderer, DepthIsAlongTheAxisAndDistanceAlongTheRay) {
  const Scene scene = scene_with(box({100, 100, 2}), {{}, {0, 0, -6}});  // a wall at z = -5
  const Frame frame = Renderer(scene, 0).render({{}, kWide, 8, 12});
  std::size_t i = 0;
  for (int y = 0; y < 8; ++y) {
    for (int x = 0; x < 12; ++x, ++i) {
      const double u = 2 * (x + 0.5) / 12 - 1, v = 1 - 2 * (y + 0.5) / 8;
      EXPECT_NEAR(frame.depth[i], 5, 1e-6);
      EXPECT_NEAR(frame.distance[i], 5 * std::sqrt(1 + u * u + v * v), 1e-5);
      EXPECT_EQ(frame.entity[i], 0);
    }
  }
}

TEST(Renderer, TheSkyHasNoDepth) {
  const Scene scene = scene_with(box({1, 1, 1}), {{}, {0, 0, 100}});
  const Frame frame = Renderer(scene, 0).render({{}, kWide, 4, 4});
  for (const float depth : frame.depth) EXPECT_TRUE(std::isinf(depth));
  for (const int entity : frame.entity) EXPECT_EQ(entity, -1);
}

TEST(Renderer, AnObjectBetweenLampAndFloorCastsAShadow) {
  Scene scene = scene_with(box({10, 0.2, 10}), {{}, {0, -0.1, 0}});
  scene.sky.ambient_up = scene.sky.ambient_down = {0.1, 0.1, 0.1};
  scene.sun = {{0, 1, 0}, {1, 1, 1}};
  const Camera down{{rotation_x(-3.14159265358979 / 2), {0, 3, 0}}, kWide, 9, 9};
  const Frame open = Renderer(scene, 0).render(down);
  scene.objects.push_back(
      {.parts = {{box({0.5, 0.1, 0.5}), {}, 0}}, .pose = {{}, {0, 10, 0}}});  // above the camera
  const Frame shaded = Renderer(scene, 0).render(down);
  const std::size_t middle = 3 * (4 * 9 + 4);
  EXPECT_NEAR(shaded.radiance[middle] / open.radiance[middle], 0.1 / 1.1, 1e-6);
  EXPECT_EQ(shaded.radiance[0], open.radiance[0]);
}

TEST(Renderer, MotionMovesTheObject) {
  Scene scene = scene_with(box({2, 2, 2}), {});
  scene.objects[0].motion = [](double t) { return Pose{{}, {0, 0, -10 - 4 * t}}; };
  EXPECT_NEAR(Renderer(scene, 0).look({{}, {0, 0, -1}}).distance, 9, 1e-12);
  EXPECT_NEAR(Renderer(scene, 1.5).look({{}, {0, 0, -1}}).distance, 15, 1e-12);
}

}  // namespace
}  // namespace vdd::scenes
