// SPDX-License-Identifier: Apache-2.0
#include "parts.h"

namespace vdd::scenes {
namespace {

int add_surface(Scene& scene, Random& random) {
  return random.coin(0.65) ? add_wood(scene, random)
                           : add_plain(scene, random, any_color(random, 0.7, 0.06, 0.8),
                                       random.coin(0.4) ? 0.2 : 0);
}

/// Four legs at the corners of a rectangle.
void add_legs(Object& object, double width, double depth, double height, double thick, int material,
              bool round) {
  for (const double x : {-0.5, 0.5}) {
    for (const double z : {-0.5, 0.5}) {
      const Vec3 at{x * (width - thick * 1.5), height / 2, z * (depth - thick * 1.5)};
      object.parts.push_back(
          part(round ? frustum(thick * 0.35, thick * 0.5, height) : box({thick, height, thick}), at,
               material));
    }
  }
}

}  // namespace

Object make_table(Scene& scene, Random& random, Vec3& size) {
  const int top = add_surface(scene, random),
            leg = random.coin(0.6) ? top : add_surface(scene, random);
  const double height = random.coin(0.3) ? random.uniform(0.35, 0.5) : random.uniform(0.68, 0.8);
  const double slab = random.uniform(0.03, 0.07);
  Object object;
  if (random.coin(0.3)) {
    const double radius = random.uniform(0.35, 0.75);
    size = {2 * radius, height, 2 * radius};
    object.parts.push_back(part(frustum(radius, radius, slab), {0, height - slab / 2, 0}, top));
    object.parts.push_back(part(frustum(0.07, 0.05, height), {0, height / 2, 0}, leg));
    object.parts.push_back(part(frustum(radius * 0.6, radius * 0.4, 0.05), {0, 0.025, 0}, leg));
  } else {
    size = {random.uniform(0.8, 2.1), height, random.uniform(0.5, 1)};
    object.parts.push_back(part(box({size.x, slab, size.z}), {0, height - slab / 2, 0}, top));
    add_legs(object, size.x, size.z, height - slab, random.uniform(0.04, 0.09), leg,
             random.coin(0.4));
    if (random.coin(0.3)) {  // a drawer unit makes it a desk
      object.parts.push_back(
          part(box({0.4, height * 0.85, size.z * 0.9}), {size.x / 2 - 0.22, height * 0.5, 0}, top));
    }
  }
  return object;
}

Object make_chair(Scene& scene, Random& random, Vec3& size) {
  const int frame = add_surface(scene, random),
            seat = random.coin(0.5) ? frame : add_fabric(scene, random);
  size = {random.uniform(0.4, 0.5), random.uniform(0.8, 1.05), random.uniform(0.4, 0.5)};
  const double high = 0.45;
  Object object;
  object.parts.push_back(part(box({size.x, 0.05, size.z}), {0, high, 0}, seat));
  add_legs(object, size.x, size.z, high, 0.04, frame, random.coin(0.4));
  if (random.coin(0.8)) {
    const double gap = random.coin(0.5) ? 0.12 : 0.0;
    object.parts.push_back(part(box({size.x, size.y - high - gap, 0.04}),
                                {0, (size.y + high + gap) / 2, size.z / 2 - 0.02}, seat,
                                rotation_x(0.08)));
    for (const double x : {-0.5, 0.5}) {
      object.parts.push_back(part(box({0.04, size.y - high, 0.04}),
                                  {x * (size.x - 0.05), (size.y + high) / 2, size.z / 2 - 0.02},
                                  frame));
    }
  }
  return object;
}

Object make_sofa(Scene& scene, Random& random, Vec3& size) {
  const int cloth = add_fabric(scene, random),
            cushion = random.coin(0.5) ? cloth : add_fabric(scene, random);
  size = {random.coin(0.3) ? random.uniform(0.8, 1.0) : random.uniform(1.5, 2.4),
          random.uniform(0.7, 0.95), random.uniform(0.8, 1)};
  const double seat = 0.42, arm = random.uniform(0.12, 0.22), back = 0.22;
  Object object;
  auto& parts = object.parts;
  parts.push_back(part(box({size.x, 0.26, size.z}), {0, 0.2, 0}, cloth));
  parts.push_back(part(taper({size.x, size.y - 0.1, back}, 1, 0.7),
                       {0, size.y / 2 + 0.05, size.z / 2 - back / 2}, cloth));
  for (const double side : {-1.0, 1.0}) {
    parts.push_back(part(box({arm, 0.55, size.z}), {side * (size.x - arm) / 2, 0.33, 0}, cloth));
  }
  const int seats = size.x > 1.2 ? 2 + static_cast<int>(size.x > 2) : 1;
  const double width = (size.x - 2 * arm) / seats;
  for (int i = 0; i < seats; ++i) {
    parts.push_back(part(box({width - 0.02, 0.14, size.z - back}),
                         {(i - (seats - 1) / 2.0) * width, seat - 0.04, -back / 2}, cushion));
  }
  if (random.coin(0.6)) {
    parts.push_back(part(ellipsoid({0.22, 0.2, 0.09}),
                         {size.x * random.uniform(-0.3, 0.3), seat + 0.2, size.z / 2 - back - 0.1},
                         add_fabric(scene, random), rotation_x(0.3)));
  }
  return object;
}

Object make_bed(Scene& scene, Random& random, Vec3& size) {
  const int frame = add_surface(scene, random), cover = add_fabric(scene, random);
  const int sheet = add_plain(scene, random, any_color(random, 0.15, 0.6, 0.85));
  size = {random.uniform(0.9, 1.8), random.uniform(0.8, 1.2), 2.05};
  Object object;
  auto& parts = object.parts;
  parts.push_back(part(box({size.x, 0.3, size.z}), {0, 0.2, 0}, frame));
  parts.push_back(part(box({size.x - 0.06, 0.2, size.z - 0.1}), {0, 0.42, 0}, sheet));
  parts.push_back(part(box({size.x + 0.02, 0.19, size.z * random.uniform(0.5, 0.72)}),
                       {0, 0.45, -size.z * 0.16}, cover));
  parts.push_back(part(box({size.x, size.y, 0.06}), {0, size.y / 2, size.z / 2 - 0.03}, frame));
  const int pillows = size.x > 1.3 ? 2 : 1;
  for (int i = 0; i < pillows; ++i) {
    parts.push_back(part(ellipsoid({0.32, 0.1, 0.2}),
                         {(i - (pillows - 1) / 2.0) * size.x / 2, 0.57, size.z / 2 - 0.35}, sheet));
  }
  return object;
}

Object make_shelf(Scene& scene, Random& random, Vec3& size) {
  const int wood = add_surface(scene, random);
  size = {random.uniform(0.6, 1.6), random.uniform(0.9, 2.2), random.uniform(0.26, 0.42)};
  const int boards = 2 + static_cast<int>(size.y / 0.42);
  const double step = size.y / (boards - 1);
  const int books = add_pattern(scene, random, Pattern::kBooks, any_color(random, 0.9, 0.1, 0.7),
                                any_color(random, 0.9, 0.1, 0.7), random.uniform(0.05, 0.11), step);
  scene.materials[books].colors[2] = any_color(random, 0.9, 0.1, 0.7);
  Object object;
  auto& parts = object.parts;
  for (int i = 0; i < boards; ++i) {
    const double y = std::min(i * step, size.y - 0.01);
    parts.push_back(part(box({size.x, 0.025, size.z}), {0, y + 0.012, 0}, wood));
    if (i + 1 == boards) break;
    if (random.coin(0.65)) {  // books fill a part of the board
      const double width = size.x * random.uniform(0.35, 0.95),
                   high = step * random.uniform(0.6, 0.92);
      const double x = (size.x - width) / 2 * random.uniform(-0.95, 0.95);
      parts.push_back(
          part(box({width, high, size.z * 0.7}), {x, y + 0.02 + high / 2, 0.02}, books));
    } else {
      const double scale = std::min(0.25, step * 0.6);
      const Object thing = make_trinket(scene, random, scale);
      for (Part p : thing.parts) {
        p.object_from_part.translation += Vec3{size.x * 0.25, y + 0.025, 0};
        parts.push_back(p);
      }
    }
  }
  for (const double side : {-0.5, 0.5})
    parts.push_back(part(box({0.03, size.y, size.z}), {side * size.x, size.y / 2, 0}, wood));
  if (random.coin(0.6))
    parts.push_back(part(box({size.x, size.y, 0.02}), {0, size.y / 2, size.z / 2}, wood));
  return object;
}

Object make_cabinet(Scene& scene, Random& random, Vec3& size) {
  const int body = add_surface(scene, random),
            door = random.coin(0.5) ? body : add_surface(scene, random);
  const int knob = add_plain(scene, random, {0.5, 0.5, 0.5}, 0.3);
  const bool tall = random.coin(0.35);
  size = {random.uniform(0.6, 1.8), tall ? random.uniform(1.7, 2.2) : random.uniform(0.5, 1),
          random.uniform(0.4, 0.62)};
  const int columns = 1 + static_cast<int>(size.x / 0.55);
  const int rows = tall ? 1 : 1 + static_cast<int>(random.below(3));
  Object object;
  auto& parts = object.parts;
  parts.push_back(part(box(size), {0, size.y / 2, 0}, body));
  const double w = size.x / columns, h = (size.y - 0.1) / rows;
  for (int i = 0; i < columns; ++i) {
    for (int k = 0; k < rows; ++k) {
      const Vec3 at{(i - (columns - 1) / 2.0) * w, 0.08 + (k + 0.5) * h, -size.z / 2 - 0.01};
      parts.push_back(part(box({w - 0.03, h - 0.03, 0.02}), at, door));
      parts.push_back(part(ellipsoid({0.018, 0.018, 0.018}),
                           at + Vec3{rows > 1 ? 0 : w * 0.38, 0, -0.025}, knob));
    }
  }
  return object;
}

Object make_plant(Scene& scene, Random& random, Vec3& size) {
  const int pot = add_fabric(scene, random);
  const Vec3 green =
      hsv(random.uniform(0.2, 0.38), random.uniform(0.5, 0.8), random.uniform(0.12, 0.4));
  const int leaves = add_pattern(scene, random, Pattern::kFoliage, green * 0.3, green * 1.2,
                                 random.uniform(0.06, 0.15));
  const double radius = random.uniform(0.12, 0.24), height = random.uniform(0.7, 1.7);
  size = {0.7, height, 0.7};
  Object object;
  object.parts.push_back(
      part(frustum(radius * 0.75, radius, radius * 1.8), {0, radius * 0.9, 0}, pot));
  object.parts.push_back(part(frustum(0.02, 0.02, height * 0.6), {0, height * 0.4, 0}, leaves));
  const std::int64_t blades = 5 + random.below(8);
  for (std::int64_t i = 0; i < blades; ++i) {
    const double angle = random.uniform(0, 6.28), out = random.uniform(0.05, 0.22),
                 r = random.uniform(0.07, 0.2);
    const Vec3 at{out * std::cos(angle), height * random.uniform(0.45, 0.95),
                  out * std::sin(angle)};
    object.parts.push_back(part(ellipsoid({r, r * random.uniform(0.3, 0.9), r}), at, leaves,
                                rotation_y(angle) * rotation_z(random.uniform(-0.8, 0.8))));
  }
  return object;
}

Object make_floor_lamp(Scene& scene, Random& random, Vec3& size) {
  const int metal = add_plain(scene, random, any_color(random, 0.3, 0.05, 0.6), 0.2);
  const int shade =
      scene.add({.colors = {hsv(random.uniform(0.08, 0.15), random.uniform(0.05, 0.5), 0.9)},
                 .uneven = 0,
                 .emission = 0.9});
  const double height = random.uniform(1.3, 1.8);
  size = {0.4, height, 0.4};
  Object object;
  object.parts.push_back(part(frustum(0.15, 0.13, 0.03), {0, 0.015, 0}, metal));
  object.parts.push_back(
      part(frustum(0.015, 0.015, height - 0.2), {0, height / 2 - 0.1, 0}, metal));
  object.parts.push_back(part(frustum(random.uniform(0.15, 0.22), random.uniform(0.08, 0.18), 0.28),
                              {0, height - 0.14, 0}, shade));
  return object;
}

Object make_crates(Scene& scene, Random& random, Vec3& size) {
  Object object;
  const double edge = random.uniform(0.35, 0.8);
  const std::int64_t levels = 1 + random.below(3);
  double y = 0;
  for (std::int64_t level = 0; level < levels; ++level) {
    const Vec3 wood =
        hsv(random.uniform(0.06, 0.11), random.uniform(0.3, 0.6), random.uniform(0.2, 0.6));
    const int side = random.coin(0.6)
                         ? add_pattern(scene, random, Pattern::kPlanks, wood, wood * 0.3, edge / 4)
                         : add_surface(scene, random);
    const Vec3 s{edge * random.uniform(0.7, 1), edge * random.uniform(0.6, 0.9),
                 edge * random.uniform(0.7, 1)};
    object.parts.push_back(part(box(s), {edge * random.uniform(-0.1, 0.1), y + s.y / 2, 0}, side,
                                rotation_y(random.uniform(-0.3, 0.3))));
    y += s.y;
  }
  size = {edge * 1.3, y, edge * 1.3};
  return object;
}

Object make_trinket(Scene& scene, Random& random, double scale) {
  const int look = add_fabric(scene, random);
  if (random.coin(0.3)) scene.materials[look].gloss = 0.3;
  Object object;
  auto& parts = object.parts;
  const double s = scale * random.uniform(0.55, 1);
  switch (random.below(6)) {
    case 0:
      parts.push_back(part(ellipsoid({s / 2, s / 2, s / 2}), {0, s / 2, 0}, look));
      break;
    case 1:  // vase
      parts.push_back(part(frustum(s * 0.2, s * 0.34, s * 0.5), {0, s * 0.25, 0}, look));
      parts.push_back(part(frustum(s * 0.34, s * 0.12, s * 0.35), {0, s * 0.675, 0}, look));
      parts.push_back(part(frustum(s * 0.12, s * 0.17, s * 0.15), {0, s * 0.925, 0}, look));
      break;
    case 2: {
      const Vec3 e{s, s * random.uniform(0.5, 1), s * random.uniform(0.6, 1)};
      parts.push_back(part(box(e), {0, e.y / 2, 0}, look, rotation_y(random.uniform(-0.7, 0.7))));
      break;
    }
    case 3: {  // a pile of books
      const std::int64_t count = 2 + random.below(4);
      for (std::int64_t i = 0; i < count; ++i) {
        parts.push_back(part(box({s * 0.9, s * 0.14, s * 0.65}),
                             {0, s * 0.14 * (static_cast<double>(i) + 0.5), 0},
                             add_plain(scene, random, any_color(random, 0.9, 0.1, 0.7)),
                             rotation_y(random.uniform(-0.4, 0.4))));
      }
      break;
    }
    case 4:  // screen
      parts.push_back(part(box({s * 1.7, s, 0.04}), {0, s * 0.7, 0},
                           add_plain(scene, random, {0.03, 0.03, 0.035}, 0.4, 0.02)));
      parts.push_back(part(frustum(s * 0.3, s * 0.08, s * 0.25), {0, s * 0.125, 0.02}, look));
      break;
    default:
      parts.push_back(part(frustum(s * 0.3, s * 0.35, s * 0.6), {0, s * 0.3, 0}, look));
      parts.push_back(part(frustum(s * 0.1, s * 0.1, s * 0.06), {s * 0.4, s * 0.32, 0}, look,
                           rotation_x(kQuarterTurn)));
  }
  return object;
}

}  // namespace vdd::scenes
