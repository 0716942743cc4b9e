// SPDX-License-Identifier: Apache-2.0
#include "vdd/scenes/room.h"

#include "parts.h"
#include "room_camera.h"

namespace vdd::scenes {
namespace {

constexpr double kWall = 0.2;  // thickness

enum class Use { kLiving, kBed, kOffice, kStore, kCorridor };

struct Footprint {
  double x, z, half_x, half_z;
};

class RoomBuilder {
 public:
  RoomBuilder(Scene& scene, Random& random) : scene_(scene), random_(random) {}
  void build();

 private:
  void build_shell();
  void build_wall(int side, int look, bool window);
  void hang_on_wall(int side);
  void light_room();
  void furnish();
  void add_mover();
  bool free(const Footprint& f, double margin) const;
  /// Puts an object with its back to a wall. False if there is no room.
  bool against_wall(Object object, Vec3 size);
  bool in_the_open(Object object, Vec3 size, bool turn = true);
  void put_on(const Pose& pose, Vec3 size, int count, double scale);
  Object make_any(Vec3& size);
  /// World from the frame of a wall: x along it, z = 0 its inner face, -z into the room.
  Pose wall_frame(int side) const;
  double wall_length(int side) const { return side % 2 ? size_.z : size_.x; }
  void put(Object object, const Pose& pose) {
    object.pose = pose;
    scene_.objects.push_back(std::move(object));
  }

  Scene& scene_;
  Random& random_;
  Use use_ = Use::kLiving;
  Vec3 size_;  // inner
  std::vector<Footprint> taken_;
};

Pose RoomBuilder::wall_frame(int side) const {
  const double reach = (side % 2 ? size_.x : size_.z) / 2;
  const Mat3 turn = rotation_y(side * kHalfTurn / 2);
  return {turn, turn * Vec3{0, 0, reach}};
}

bool RoomBuilder::free(const Footprint& f, double margin) const {
  if (std::abs(f.x) + f.half_x > size_.x / 2 || std::abs(f.z) + f.half_z > size_.z / 2)
    return false;
  for (const Footprint& other : taken_) {
    if (std::abs(f.x - other.x) < f.half_x + other.half_x + margin &&
        std::abs(f.z - other.z) < f.half_z + other.half_z + margin) {
      return false;
    }
  }
  return true;
}

bool RoomBuilder::against_wall(Object object, Vec3 size) {
  for (int attempt = 0; attempt < 12; ++attempt) {
    const int side = static_cast<int>(random_.below(4));
    const double room = wall_length(side) - size.x - 0.1;
    if (room <= 0) continue;
    const Vec3 at{room * (random_.uniform() - 0.5), 0, -size.z / 2 - 0.03};
    const Pose pose = wall_frame(side) * Pose{{}, at};
    const bool across = side % 2;
    const Footprint f{pose.translation.x, pose.translation.z, (across ? size.z : size.x) / 2,
                      (across ? size.x : size.z) / 2};
    if (!free(f, 0.06)) continue;
    taken_.push_back(f);
    if (size.y < 1.2) put_on(pose, size, static_cast<int>(random_.below(4)), 0.3);
    put(std::move(object), pose);
    return true;
  }
  return false;
}

bool RoomBuilder::in_the_open(Object object, Vec3 size, bool turn) {
  for (int attempt = 0; attempt < 12; ++attempt) {
    const double reach = std::hypot(size.x, size.z) / 2;
    const Vec3 at{(size_.x - 2 * reach) * (random_.uniform() - 0.5), 0,
                  (size_.z - 2 * reach) * (random_.uniform() - 0.5)};
    const Footprint f{at.x, at.z, reach, reach};
    if (!free(f, 0.35)) continue;
    taken_.push_back(f);
    const Pose pose{rotation_y(turn ? random_.uniform(0, 2 * kHalfTurn) : 0), at};
    put(std::move(object), pose);
    return true;
  }
  return false;
}

void RoomBuilder::put_on(const Pose& pose, Vec3 size, int count, double scale) {
  for (int i = 0; i < count; ++i) {
    const double x = size.x * ((i + 0.5) / count - 0.5), z = size.z * random_.uniform(-0.25, 0.25);
    Object thing = make_trinket(scene_, random_, scale * random_.uniform(0.5, 1.2));
    put(std::move(thing), pose * Pose{rotation_y(random_.uniform(-0.5, 0.5)), {x, size.y, z}});
  }
}

void RoomBuilder::build_wall(int side, int look, bool window) {
  const double length = wall_length(side) + 2 * kWall, height = size_.y;
  const Pose frame = wall_frame(side);
  Object wall;
  const auto slab = [&](double x0, double x1, double y0, double y1) {
    if (x1 - x0 > 0.01 && y1 - y0 > 0.01) {
      wall.parts.push_back(
          part(box({x1 - x0, y1 - y0, kWall}), {(x0 + x1) / 2, (y0 + y1) / 2, kWall / 2}, look));
    }
  };
  if (!window) {
    slab(-length / 2, length / 2, 0, height);
    put(std::move(wall), frame);
    return;
  }
  const double width = random_.uniform(0.8, std::min(2.2, wall_length(side) * 0.6)),
               x = random_.uniform(-0.15, 0.15) * wall_length(side);
  const double low = random_.uniform(0.3, 1.0),
               high = std::min(height - 0.25, low + random_.uniform(1.0, 1.6));
  slab(-length / 2, x - width / 2, 0, height);
  slab(x + width / 2, length / 2, 0, height);
  slab(x - width / 2, x + width / 2, 0, low);
  slab(x - width / 2, x + width / 2, high, height);
  put(std::move(wall), frame);
  Object bars;
  const int paint = add_plain(scene_, random_, any_color(random_, 0.3, 0.3, 0.8));
  for (const double at : {x - width / 2, x, x + width / 2}) {
    bars.parts.push_back(part(box({0.06, high - low, 0.08}), {at, (low + high) / 2, 0.08}, paint));
  }
  for (const double at : {low, high})
    bars.parts.push_back(part(box({width, 0.06, at == low ? 0.3 : 0.08}), {x, at, 0.06}, paint));
  if (random_.coin(0.5)) {  // curtains
    const int cloth = add_fabric(scene_, random_);
    const double drape = random_.uniform(0.25, 0.5);
    for (const double end : {-1.0, 1.0}) {
      for (int fold = 0; fold < 4; ++fold) {
        bars.parts.push_back(part(
            frustum(drape / 7, drape / 7, high - 0.1),
            {x + end * (width / 2 + drape * (0.5 - fold / 4.0)), (high + 0.15) / 2, -0.08}, cloth));
      }
    }
  }
  put(std::move(bars), frame);
}

void RoomBuilder::hang_on_wall(int side) {
  const Pose frame = wall_frame(side);
  const double length = wall_length(side);
  Object things;
  const std::int64_t pictures = random_.below(3);
  for (std::int64_t i = 0; i < pictures; ++i) {
    const double w = random_.uniform(0.3, 1.1), h = random_.uniform(0.3, 0.9);
    const Vec3 at{length * random_.uniform(-0.4, 0.4), random_.uniform(1.3, 1.9), -0.015};
    const int canvas =
        add_pattern(scene_, random_, Pattern::kPicture, any_color(random_, 1, 0.05, 0.8),
                    any_color(random_, 1, 0.05, 0.8), random_.uniform(0.2, 0.6));
    scene_.materials[canvas].colors[2] = any_color(random_, 1, 0.1, 0.9);
    things.parts.push_back(part(box({w + 0.08, h + 0.08, 0.03}), at, add_wood(scene_, random_)));
    things.parts.push_back(part(box({w, h, 0.02}), at + Vec3{0, 0, -0.012}, canvas));
  }
  if (random_.coin(0.45)) {  // a door
    const double x = length * random_.uniform(-0.35, 0.35);
    const int leaf = add_wood(scene_, random_),
              frame_look = add_plain(scene_, random_, any_color(random_, 0.2, 0.3, 0.8));
    things.parts.push_back(part(box({1.02, 2.12, 0.05}), {x, 1.06, 0}, frame_look));
    things.parts.push_back(part(box({0.86, 2.02, 0.04}), {x, 1.01, -0.02}, leaf));
    things.parts.push_back(part(ellipsoid({0.03, 0.03, 0.03}), {x + 0.35, 1.0, -0.06}, frame_look));
  }
  if (random_.coin(0.6)) {
    const int trim = add_plain(scene_, random_, any_color(random_, 0.3, 0.2, 0.8));
    things.parts.push_back(
        part(box({length, random_.uniform(0.06, 0.14), 0.03}), {0, 0.05, 0}, trim));
  }
  put(std::move(things), frame);
}

void RoomBuilder::build_shell() {
  use_ = static_cast<Use>(random_.below(5));
  size_ = {random_.uniform(3.2, 7.5), random_.uniform(2.3, 3.2), random_.uniform(3.5, 8)};
  if (use_ == Use::kStore)
    size_ = {random_.uniform(7, 15), random_.uniform(3, 6), random_.uniform(8, 18)};
  if (use_ == Use::kCorridor)
    size_ = {random_.uniform(1.9, 3.2), random_.uniform(2.3, 3.3), random_.uniform(8, 18)};
  scene_.room = Extent{{-size_.x / 2, 0, -size_.z / 2}, {size_.x / 2, size_.y, size_.z / 2}};

  const Vec3 tone = any_color(random_, 0.5, 0.12, 0.65);
  int floor = 0;
  switch (random_.below(5)) {
    case 0:
      floor = add_pattern(scene_, random_, Pattern::kChecker, tone,
                          any_color(random_, 0.4, 0.1, 0.8), random_.uniform(0.15, 0.6));
      break;
    case 1:
      floor = add_pattern(scene_, random_, Pattern::kTiles, tone, tone * 0.5,
                          random_.uniform(0.2, 0.8));
      break;
    case 2:
      floor = add_pattern(scene_, random_, Pattern::kMottle, tone, tone * 0.6,
                          random_.uniform(0.05, 1));
      break;
    default: {
      const Vec3 wood =
          hsv(random_.uniform(0.05, 0.1), random_.uniform(0.3, 0.65), random_.uniform(0.15, 0.55));
      floor = add_pattern(scene_, random_, Pattern::kPlanks, wood, wood * 0.3,
                          random_.uniform(0.08, 0.25));
    }
  }
  if (random_.coin(0.4)) scene_.materials[floor].gloss = 0.12;
  Object ground, lid;
  ground.parts.push_back(
      part(box({size_.x + 2 * kWall, kWall, size_.z + 2 * kWall}), {0, -kWall / 2, 0}, floor));
  put(std::move(ground), {});
  const int ceiling = add_plain(scene_, random_, any_color(random_, 0.1, 0.5, 0.85));
  lid.parts.push_back(part(box({size_.x + 2 * kWall, kWall, size_.z + 2 * kWall}),
                           {0, size_.y + kWall / 2, 0}, ceiling));
  if (random_.coin(0.3)) {  // beams
    const int wood = add_wood(scene_, random_);
    for (double z = -size_.z / 2 + 0.7; z < size_.z / 2; z += random_.uniform(0.9, 2)) {
      lid.parts.push_back(part(box({size_.x, 0.2, 0.16}), {0, size_.y - 0.1, z}, wood));
    }
  }
  put(std::move(lid), {});

  const auto wall_look = [&] {
    const Vec3 a = any_color(random_, 0.55, 0.2, 0.85),
               b = mix(a, any_color(random_, 0.6, 0.15, 0.85), 0.5);
    switch (random_.below(7)) {
      case 0:
        return add_pattern(scene_, random_, Pattern::kBricks, a * 0.8, b * 0.6,
                           random_.uniform(0.08, 0.25));
      case 1:
        return add_pattern(scene_, random_, Pattern::kStripes, a, b, random_.uniform(0.1, 0.6),
                           random_.uniform(0.3, 0.7));
      case 2:
        return add_pattern(scene_, random_, Pattern::kTiles, a, b * 0.7,
                           random_.uniform(0.12, 0.5));
      case 3:
        return add_pattern(scene_, random_, Pattern::kDots, a, b, random_.uniform(0.1, 0.4));
      case 4:
        return add_pattern(scene_, random_, Pattern::kPlanks, a * 0.8, b * 0.3,
                           random_.uniform(0.08, 0.2));
      case 5:
        return add_pattern(scene_, random_, Pattern::kMottle, a, b, random_.uniform(0.2, 1.5));
      default:
        return add_plain(scene_, random_, a);
    }
  };
  const int common = wall_look();
  const int with_window = random_.coin(0.4) ? static_cast<int>(random_.below(4)) : -1;
  for (int side = 0; side < 4; ++side) {
    build_wall(side, random_.coin(0.6) ? common : wall_look(), side == with_window);
    if (side != with_window) hang_on_wall(side);
  }
  if (size_.x > 5 && size_.z > 5 && random_.coin(0.35)) {  // a wall half across the room
    const double reach = size_.x * random_.uniform(0.3, 0.5),
                 z = size_.z * random_.uniform(-0.2, 0.2);
    const double x = (size_.x - reach) / 2 * (random_.coin(0.5) ? 1 : -1);
    Object partition;
    partition.parts.push_back(part(box({reach, size_.y, 0.15}), {x, size_.y / 2, z}, wall_look()));
    taken_.push_back({x, z, reach / 2, 0.1});
    put(std::move(partition), {});
  }
  if (with_window >= 0) {
    const Vec3 in = wall_frame(with_window).rotation *
                    Vec3{random_.uniform(-0.6, 0.6), random_.uniform(0.35, 0.9), 1};
    scene_.sun = {normalized(in), Vec3{2.2, 2.0, 1.7} * random_.uniform(0.4, 1.5)};
  }
}

void RoomBuilder::light_room() {
  const Vec3 tint = mix(Vec3{1, 0.8, 0.58}, Vec3{0.85, 0.93, 1}, random_.uniform());
  const double area = size_.x * size_.z;
  const int count = area > 45 ? 3 : 1 + static_cast<int>(random_.below(2));
  const int glow = scene_.add({.colors = {tint}, .uneven = 0, .emission = 2.2});
  for (int i = 0; i < count; ++i) {
    const double along = (i + 0.5) / count - 0.5;
    const Vec3 at{size_.x * random_.uniform(-0.2, 0.2), size_.y - random_.uniform(0.05, 0.5),
                  size_.z * (along * 0.9 + random_.uniform(-0.05, 0.05))};
    scene_.lamps.push_back(
        {at - Vec3{0, 0.12, 0},
         tint * (random_.uniform(0.5, 1.2) * std::sqrt(area) * size_.y * 0.28 / count)});
    Object lamp;
    if (random_.coin(0.5)) {
      lamp.parts.push_back(part(ellipsoid({0.16, 0.12, 0.16}), at, glow));
    } else {
      lamp.parts.push_back(
          part(box({random_.uniform(0.15, 0.3), 0.06, random_.uniform(0.4, 1.2)}), at, glow));
    }
    lamp.parts.push_back(
        part(frustum(0.012, 0.012, size_.y - at.y), {at.x, (size_.y + at.y) / 2, at.z}, glow));
    put(std::move(lamp), {});
  }
  const double base = random_.uniform(0.18, 0.42);
  scene_.sky = {.zenith = {0.7, 0.9, 1.3},
                .horizon = {1.3, 1.4, 1.5},
                .cloud = {1.6, 1.6, 1.6},
                .coverage = 0.5,
                .ambient_up = mix(tint, Vec3{1, 1, 1}, 0.5) * base,
                .ambient_down = tint * (base * random_.uniform(0.5, 0.8)),
                .haze = 0,
                .seed = static_cast<std::uint32_t>(random_.next())};
  const double exposure = std::exp(random_.uniform(-1.5, 1.5));
  for (Lamp& lamp : scene_.lamps) lamp.power = lamp.power * exposure;
  for (Material& material : scene_.materials) material.emission *= exposure;
  for (Vec3* color : {&scene_.sky.zenith, &scene_.sky.horizon, &scene_.sky.cloud,
                      &scene_.sky.ambient_up, &scene_.sky.ambient_down, &scene_.sun.color}) {
    *color = *color * exposure;
  }
}

Object RoomBuilder::make_any(Vec3& size) {
  switch (use_) {
    case Use::kBed:
      if (random_.coin(0.25)) return make_bed(scene_, random_, size);
      break;
    case Use::kStore:
      if (random_.coin(0.4)) return make_crates(scene_, random_, size);
      if (random_.coin(0.4)) return make_shelf(scene_, random_, size);
      break;
    case Use::kOffice:
      if (random_.coin(0.3)) return make_table(scene_, random_, size);
      break;
    default:
      break;
  }
  switch (random_.below(7)) {
    case 0:
      return make_sofa(scene_, random_, size);
    case 1:
      return make_shelf(scene_, random_, size);
    case 2:
      return make_cabinet(scene_, random_, size);
    case 3:
      return make_plant(scene_, random_, size);
    case 4:
      return make_floor_lamp(scene_, random_, size);
    case 5:
      return make_chair(scene_, random_, size);
    default:
      return make_cabinet(scene_, random_, size);
  }
}

void RoomBuilder::furnish() {
  const double area = size_.x * size_.z;
  Vec3 size;
  if (use_ != Use::kCorridor && random_.coin(0.6)) {
    const double w = size_.x * random_.uniform(0.3, 0.6), d = size_.z * random_.uniform(0.3, 0.6);
    Object rug;
    rug.parts.push_back(
        part(box({w, 0.02, d}),
             {size_.x * random_.uniform(-0.1, 0.1), 0.01, size_.z * random_.uniform(-0.1, 0.1)},
             add_fabric(scene_, random_)));
    put(std::move(rug), {});
  }
  if (use_ == Use::kStore && random_.coin(0.7)) {  // columns
    const int look = random_.coin(0.5)
                         ? add_plain(scene_, random_, any_color(random_, 0.3, 0.2, 0.7))
                         : add_fabric(scene_, random_);
    const double radius = random_.uniform(0.15, 0.35);
    for (const double x : {-0.22, 0.22}) {
      for (double z = -size_.z * 0.35; z < size_.z * 0.4; z += size_.z * 0.23) {
        Object column;
        column.parts.push_back(part(frustum(radius, radius, size_.y), {0, size_.y / 2, 0}, look));
        taken_.push_back({x * size_.x, z, radius, radius});
        put(std::move(column), {{}, {x * size_.x, 0, z}});
      }
    }
  }
  const int tables = use_ == Use::kCorridor ? 0 : 1 + static_cast<int>(area / 25);
  for (int i = 0; i < tables; ++i) {
    if (random_.coin(0.2)) continue;
    Object table = make_table(scene_, random_, size);
    const Vec3 top = size;
    const bool chairs = top.y > 0.6;
    Vec3 reach = top;
    if (chairs) reach = reach + Vec3{0.5, 0, 0.9};
    if (!in_the_open(std::move(table), reach)) continue;
    const Pose pose = scene_.objects.back().pose;
    put_on(pose, top, 1 + static_cast<int>(random_.below(4)), 0.3);
    for (const double side : {-1.0, 1.0}) {
      if (!chairs || random_.coin(0.25)) continue;
      Vec3 seat;
      Object chair = make_chair(scene_, random_, seat);
      const double turn = (side > 0 ? 0 : kHalfTurn) + random_.uniform(-0.4, 0.4);
      put(std::move(chair),
          pose * Pose{rotation_y(turn),
                      {top.x * random_.uniform(-0.25, 0.25), 0, side * (top.z / 2 + 0.22)}});
    }
  }
  const int pieces = 4 + static_cast<int>(area / random_.uniform(4, 9));
  for (int i = 0; i < std::min(pieces, 22); ++i) {
    Object piece = make_any(size);
    against_wall(std::move(piece), size);
  }
  const int loose = use_ == Use::kCorridor
                        ? 0
                        : static_cast<int>(random_.below(3)) + (use_ == Use::kStore ? 5 : 0);
  for (int i = 0; i < loose; ++i) {
    Object piece = random_.coin(0.4) ? make_trinket(scene_, random_, 0.5) : make_any(size);
    in_the_open(std::move(piece), max(size, Vec3{0.5, 0.3, 0.5}));
  }
}

void RoomBuilder::add_mover() {
  const Vec3 room = size_;
  const double x = room.x * random_.uniform(-0.3, 0.3), z = room.z * random_.uniform(-0.3, 0.3),
               heading = random_.uniform(0, 6.283);
  const double speed = random_.uniform(0.3, 1.1);
  const auto bounce = [](double at, double limit) {  // to and fro between the walls
    const double span = 4 * limit, phase = std::fmod(std::fmod(at + limit, span) + span, span);
    return phase < 2 * limit ? phase - limit : 3 * limit - phase;
  };
  const auto path = [=](double t) {
    return Vec3{bounce(x + speed * t * std::sin(heading), room.x / 2 - 0.45), 0,
                bounce(z - speed * t * std::cos(heading), room.z / 2 - 0.45)};
  };
  Object mover;
  if (random_.coin(0.5)) {
    mover = make_walker(scene_, random_);
    mover.label.clear();
    mover.motion = [=](double t) { return Pose{rotation_y(-heading), path(t)}; };
  } else {
    const double radius = random_.uniform(0.1, 0.3);
    mover.parts.push_back(
        part(ellipsoid({radius, radius, radius}), {0, 0, 0}, add_fabric(scene_, random_)));
    mover.motion = [=](double t) {
      const double hop = std::abs(std::sin(3.5 * t)) * radius * 3;
      return Pose{rotation_y(-heading) * rotation_x(-speed * t / radius),
                  path(t) + Vec3{0, radius + hop, 0}};
    };
  }
  scene_.objects.push_back(std::move(mover));
}

void RoomBuilder::build() {
  build_shell();
  furnish();
  if (random_.coin(1.0 / 3)) add_mover();
  light_room();
}

}  // namespace

Scene make_room(const RoomConfig& config) {
  Random random(derive_seed(config.seed, 0, "room"));
  Scene scene;
  RoomBuilder(scene, random).build();

  scene.camera = film_room(scene, config);
  return scene;
}

}  // namespace vdd::scenes
