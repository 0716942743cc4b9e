// SPDX-License-Identifier: Apache-2.0
#include "../../src/scenes/room_camera.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

namespace vdd::scenes {
namespace {

using Path = std::function<Pose(double time)>;

constexpr double kDuration = 3.2;
constexpr Vec3 kRoom{5, 2.8, 6};  // inner size

/// A closed room whose walls are as thin as paper, with boxes on the floor.
Scene paper_room() {
  constexpr double kPaper = 0.001;
  Scene scene;
  scene.room = Extent{{-kRoom.x / 2, 0, -kRoom.z / 2}, {kRoom.x / 2, kRoom.y, kRoom.z / 2}};
  const auto put = [&](Vec3 size, Vec3 center) {
    scene.objects.push_back({.parts = {{box(size), {}, 0}}, .pose = {{}, center}});
  };
  for (const double y : {0.0, kRoom.y}) put({kRoom.x, kPaper, kRoom.z}, {0, y, 0});
  for (const double side : {-0.5, 0.5}) {
    put({kPaper, kRoom.y, kRoom.z}, {side * kRoom.x, kRoom.y / 2, 0});
    put({kRoom.x, kRoom.y, kPaper}, {0, kRoom.y / 2, side * kRoom.z});
    for (const double z : {-2.2, 0.0, 2.2}) put({0.4, 0.8, 0.4}, {side * 3.6, 0.4, z});
  }
  return scene;
}

Path take(const Scene& scene, std::int64_t number, std::uint64_t seed = 1) {
  return film_room(scene, {.seed = seed, .take = number, .duration = kDuration});
}

bool same_pose(const Pose& a, const Pose& b) {
  bool same = true;
  for (int i = 0; i < 3; ++i) {
    same = same && a.translation[i] == b.translation[i];
    for (int j = 0; j < 3; ++j) same = same && a.rotation.rows[i][j] == b.rotation.rows[i][j];
  }
  return same;
}

TEST(RoomCamera, GivesTheSamePathForTheSameNumbers) {
  const Scene scene = paper_room();
  const Path a = take(scene, 3), b = take(scene, 3);
  for (const double time : {2.0, 0.0, 3.2, 1.1, 2.0}) EXPECT_TRUE(same_pose(a(time), b(time)));
}

TEST(RoomCamera, GivesAnotherPathForAnotherTakeAndForAnotherSeed) {
  const Scene scene = paper_room();
  const Pose start = take(scene, 0)(0);
  EXPECT_FALSE(same_pose(take(scene, 1)(0), start));
  EXPECT_FALSE(same_pose(take(scene, 0, 2)(0), start));
}

TEST(RoomCamera, FilmsTheRoomsThatAreMade) {
  const RoomConfig config{.seed = 4, .take = 1};
  const Scene scene = make_room(config);
  const Path path = film_room(scene, config);
  for (const double time : {0.0, 1.0, 3.2}) EXPECT_TRUE(same_pose(scene.camera(time), path(time)));
}

TEST(RoomCamera, StandsUprightAndTurnsWithoutStretching) {
  const Scene scene = paper_room();
  for (int number = 0; number < 4; ++number) {
    const Path path = take(scene, number);
    for (int k = 0; k <= 8; ++k) {
      const Mat3 m = path(kDuration * k / 8).rotation;
      for (int i = 0; i < 3; ++i) {
        for (int j = 0; j < 3; ++j) EXPECT_NEAR(dot(m.rows[i], m.rows[j]), i == j ? 1 : 0, 1e-12);
      }
      EXPECT_NEAR(dot(m.rows[0], cross(m.rows[1], m.rows[2])), 1, 1e-12);  // no mirror
      EXPECT_GT((m * Vec3{0, 1, 0}).y, 0);
    }
  }
}

TEST(RoomCamera, KeepsClearOfTheWalls) {
  const Scene scene = paper_room();
  for (int number = 0; number < 12; ++number) {
    const Path path = take(scene, number);
    for (int k = 0; k <= 32; ++k) {
      const Vec3 eye = path(kDuration * k / 32).translation;
      EXPECT_LT(std::abs(eye.x), kRoom.x / 2 - 0.2) << number << ' ' << k;
      EXPECT_LT(std::abs(eye.y - kRoom.y / 2), kRoom.y / 2 - 0.2) << number << ' ' << k;
      EXPECT_LT(std::abs(eye.z), kRoom.z / 2 - 0.2) << number << ' ' << k;
    }
  }
}

TEST(RoomCamera, KeepsClearOfWhatComesWhileItMoves) {
  // A second ceiling comes down to 1.4 m at the end.
  const auto fall = [](double time) { return Pose{{}, {0, time > 3 ? 1.4 : 50.0, 0}}; };
  Scene scene = paper_room();
  scene.objects.push_back({.parts = {{box({kRoom.x, 0.001, kRoom.z}), {}, 0}}, .motion = fall});
  for (int number = 0; number < 12; ++number)
    EXPECT_GT(std::abs(take(scene, number)(kDuration).translation.y - 1.4), 0.2) << number;
}

TEST(RoomCamera, MovesWithoutJumps) {
  constexpr double kMoment = 1e-6;
  const Scene scene = paper_room();
  for (int number = 0; number < 4; ++number) {
    const Path path = take(scene, number);
    for (int k = 0; k < 64; ++k) {
      const Pose now = path(kDuration * k / 64), next = path(kDuration * k / 64 + kMoment);
      EXPECT_LT(length(next.translation - now.translation), 10 * kMoment);
      for (int i = 0; i < 3; ++i)
        EXPECT_LT(length(next.rotation.rows[i] - now.rotation.rows[i]), 100 * kMoment);
    }
    EXPECT_GT(length(path(kDuration).translation - path(0).translation), 0.01);
  }
}

}  // namespace
}  // namespace vdd::scenes
