// SPDX-License-Identifier: Apache-2.0
#include "parts.h"

namespace vdd::scenes {
namespace {

/// A material that shines by itself.
int add_light(Scene& scene, Vec3 color, double emission) {
  return scene.add({.colors = {color}, .uneven = 0, .emission = emission});
}

Vec3 wall_color(Random& random) {
  return random.coin(0.5)
             ? hsv(random.uniform(0.02, 0.14), random.uniform(0.1, 0.65), random.uniform(0.2, 0.75))
             : any_color(random, 0.35, 0.15, 0.8);
}

int add_wall(Scene& scene, Random& random) {
  const Vec3 color = wall_color(random);
  switch (random.below(4)) {
    case 0:
      return add_pattern(scene, random, Pattern::kBricks, color, color * 0.6,
                         random.uniform(0.12, 0.4));
    case 1:
      return add_pattern(scene, random, Pattern::kMottle, color, color * 0.75,
                         random.uniform(0.5, 3));
    case 2:
      return add_pattern(scene, random, Pattern::kTiles, color, color * 0.5,
                         random.uniform(0.5, 1.5));
    default:
      return add_plain(scene, random, color);
  }
}

int add_roof(Scene& scene, Random& random) {
  const Vec3 color =
      hsv(random.uniform(0.0, 0.08), random.uniform(0, 0.7), random.uniform(0.08, 0.4));
  return add_pattern(scene, random, Pattern::kBricks, color, color * 0.5,
                     random.uniform(0.25, 0.5));
}

int add_front(Scene& scene, Random& random, double bay, double floor) {
  const Vec3 wall = wall_color(random);
  const Vec3 glass =
      hsv(random.uniform(0.5, 0.65), random.uniform(0.1, 0.5), random.uniform(0.03, 0.25));
  const int front = add_pattern(scene, random, Pattern::kWindows, wall, glass, bay, floor);
  scene.materials[front].colors[2] = random.coin(0.5) ? Vec3{0.7, 0.7, 0.68} : wall * 0.5;
  return front;
}

}  // namespace

Object make_vehicle(Scene& scene, Random& random, Vehicle kind) {
  const Vec3 color =
      random.coin(0.35) ? any_color(random, 0.05, 0.03, 0.8) : any_color(random, 1, 0.1, 0.7);
  const int paint = add_plain(scene, random, color, 0.35, 0.04);
  const int glass = add_plain(scene, random, {0.03, 0.04, 0.05}, 0.6, 0.02);
  const int rubber = add_plain(scene, random, {0.025, 0.025, 0.028});
  const int tail = add_light(scene, {0.7, 0.05, 0.04}, 0.8),
            head = add_light(scene, {0.9, 0.9, 0.8}, 0.9);
  Object object;
  auto& parts = object.parts;
  double width = random.uniform(1.65, 1.9), length = random.uniform(3.7, 4.9),
         height = random.uniform(1.4, 1.65);
  double wheel = random.uniform(0.3, 0.36);
  if (kind == Vehicle::kCar) {
    const double belt = height * random.uniform(0.52, 0.6),
                 cabin = length * random.uniform(0.5, 0.68);
    const double shift = length * random.uniform(-0.02, 0.12);  // the cabin sits towards the rear
    parts.push_back(
        part(taper({width, belt - 0.22, length}, 0.96, 0.95), {0, (belt + 0.22) / 2, 0}, paint));
    parts.push_back(
        part(taper({width * 0.94, height - belt, cabin}, 0.78, random.uniform(0.55, 0.85)),
             {0, (height + belt) / 2, shift}, glass));
    parts.push_back(part(box({width * 0.72, 0.04, cabin * 0.55}), {0, height, shift}, paint));
    object.label = "Car";
  } else if (kind == Vehicle::kVan) {
    height = random.uniform(1.9, 2.5), length = random.uniform(4.6, 5.8),
    width = random.uniform(1.9, 2.1);
    parts.push_back(part(taper({width, height - 0.3, length * 0.8}, 0.92, 0.97),
                         {0, height / 2 + 0.15, length * 0.1}, paint));
    parts.push_back(part(taper({width * 0.98, height * 0.45, length * 0.28}, 0.95, 0.6),
                         {0, height * 0.37, -length * 0.38}, paint));
    parts.push_back(part(taper({width * 0.93, height * 0.36, length * 0.34}, 0.95, 0.5),
                         {0, height * 0.72, -length * 0.26}, glass));
    parts.push_back(
        part(box({width * 0.7, height * 0.28, 0.04}), {0, height * 0.7, length * 0.5}, glass));
    object.label = "Van";
  } else {
    height = random.uniform(2.8, 3.7), length = random.uniform(7, 11),
    width = random.uniform(2.3, 2.5);
    const int load =
        random.coin(0.5)
            ? add_pattern(scene, random, Pattern::kStripes, any_color(random, 0.6, 0.2, 0.8),
                          any_color(random, 0.6, 0.2, 0.8), random.uniform(0.4, 3), 0.5)
            : add_plain(scene, random, any_color(random, 0.7, 0.2, 0.8));
    parts.push_back(part(box({width, height - 1, length - 2.4}), {0, height / 2 + 0.5, 1.2}, load));
    parts.push_back(part(box({width * 0.95, height * 0.68, 1.9}),
                         {0, height * 0.34 + 0.35, -length / 2 + 0.95}, paint));
    parts.push_back(part(box({width * 0.85, height * 0.25, 0.05}),
                         {0, height * 0.6 + 0.2, -length / 2}, glass));
    parts.push_back(part(box({width * 0.8, 0.25, length - 0.6}), {0, 0.75, 0.2}, rubber));
    wheel = 0.48;
    object.label = "Truck";
  }
  for (const double side : {-1.0, 1.0}) {
    for (const double axle : {-0.32, 0.3}) {
      parts.push_back(part(frustum(wheel, wheel, 0.22),
                           {side * (width / 2 - 0.1), wheel, axle * length}, rubber,
                           rotation_z(kQuarterTurn)));
    }
    const double y = kind == Vehicle::kTruck ? 0.9 : height * 0.45;
    parts.push_back(
        part(box({0.28, 0.14, 0.06}), {side * width * 0.36, y, length / 2 * 0.985}, tail));
    parts.push_back(
        part(box({0.3, 0.15, 0.06}), {side * width * 0.36, y * 0.95, -length / 2 * 0.985}, head));
  }
  object.size = {width, height, length};
  return object;
}

Object make_walker(Scene& scene, Random& random) {
  const int trousers = add_fabric(scene, random), coat = add_fabric(scene, random);
  const int skin =
      add_plain(scene, random, hsv(0.06, random.uniform(0.3, 0.6), random.uniform(0.12, 0.6)));
  const double height = random.uniform(1.45, 1.95), leg = height * 0.47,
               stride = random.uniform(0.1, 0.3);
  Object object{.label = "Misc", .size = {0.55, height, 0.4}};
  for (const double side : {-1.0, 1.0}) {
    object.parts.push_back(part(frustum(0.07, 0.1, leg), {side * 0.1, leg / 2, 0}, trousers,
                                rotation_x(side * stride)));
    object.parts.push_back(part(frustum(0.045, 0.065, height * 0.34),
                                {side * 0.25, height * 0.64, 0}, coat, rotation_x(-side * stride)));
  }
  object.parts.push_back(part(frustum(0.18, 0.22, height * 0.36), {0, height * 0.65, 0}, coat));
  object.parts.push_back(part(ellipsoid({0.1, 0.125, 0.11}), {0, height - 0.12, 0}, skin));
  return object;
}

Object make_tree(Scene& scene, Random& random, Tree kind) {
  const double hue = random.uniform(0.16, 0.36), value = random.uniform(0.12, 0.4);
  const Vec3 light =
      hsv(random.coin(0.1) ? random.uniform(0.02, 0.14) : hue, random.uniform(0.45, 0.8), value);
  const int leaves = add_pattern(scene, random, Pattern::kFoliage, light * 0.3, light * 1.2,
                                 random.uniform(0.25, 0.7));
  const int bark = add_pattern(scene, random, Pattern::kMottle,
                               hsv(0.07, 0.4, random.uniform(0.1, 0.4)), {0.05, 0.04, 0.03}, 0.2);
  Object object;
  auto& parts = object.parts;
  const auto trunk = [&](double height, double radius) {
    parts.push_back(part(frustum(radius, radius * 0.6, height), {0, height / 2, 0}, bark));
  };
  switch (kind) {
    case Tree::kRound: {
      const double crown = random.uniform(1.2, 3.4), clear = random.uniform(1.6, 3.5);
      trunk(clear + crown * 0.8, random.uniform(0.1, 0.3));
      const std::int64_t blobs = 4 + random.below(5);
      for (std::int64_t i = 0; i < blobs; ++i) {
        const double angle = random.uniform(0, 6.283), out = crown * random.uniform(0.1, 0.6);
        const double radius = crown * random.uniform(0.45, 0.75);
        const Vec3 at{out * std::cos(angle), clear + crown * random.uniform(0.5, 1.4),
                      out * std::sin(angle)};
        parts.push_back(
            part(ellipsoid({radius, radius * random.uniform(0.7, 1), radius}), at, leaves));
      }
      break;
    }
    case Tree::kConifer: {
      const double height = random.uniform(5, 16), radius = height * random.uniform(0.15, 0.26);
      trunk(height * 0.3, height * 0.02);
      const int tiers = 3 + static_cast<int>(random.below(3));
      for (int i = 0; i < tiers; ++i) {
        const double low = height * (0.12 + 0.75 * i / tiers), r = radius * (1 - 0.8 * i / tiers);
        const double tall = height * 1.05 / tiers;
        parts.push_back(part(frustum(r, r * 0.12, tall), {0, low + tall / 2, 0}, leaves));
      }
      break;
    }
    case Tree::kPoplar: {
      const double height = random.uniform(6, 15), radius = height * random.uniform(0.1, 0.17);
      trunk(height * 0.4, height * 0.02);
      parts.push_back(
          part(ellipsoid({radius, height * 0.42, radius}), {0, height * 0.56, 0}, leaves));
      parts.push_back(part(ellipsoid({radius * 1.15, height * 0.25, radius}),
                           {radius * 0.2, height * 0.42, 0}, leaves));
      break;
    }
    case Tree::kBush: {
      const double radius = random.uniform(0.4, 1.3);
      parts.push_back(
          part(ellipsoid({radius, radius * 0.8, radius}), {0, radius * 0.6, 0}, leaves));
      parts.push_back(part(ellipsoid({radius * 0.7, radius * 0.7, radius * 0.8}),
                           {radius * 0.6, radius * 0.5, radius * 0.4}, leaves));
      break;
    }
  }
  return object;
}

Object make_building(Scene& scene, Random& random, Vec3 size) {
  const double floors = 2 * std::max(1.0, std::round(size.y / random.uniform(5.5, 8)));
  const double bays = 2 * std::max(1.0, std::round(size.z / random.uniform(4, 9)));
  const int front = add_front(scene, random, size.z / bays, size.y / floors);
  const int trim = add_plain(scene, random, wall_color(random));
  Object object;
  auto& parts = object.parts;
  parts.push_back(part(box(size), {0, size.y / 2, 0}, front));
  if (random.coin(0.35)) {
    const double roof = random.uniform(2, 4.5);
    parts.push_back(part(taper({size.x + 0.6, roof, size.z + 0.3}, random.coin(0.7) ? 0 : 0.5,
                               random.uniform(0.5, 1)),
                         {0, size.y + roof / 2, 0}, add_roof(scene, random)));
  } else {
    parts.push_back(part(box({size.x + 0.3, random.uniform(0.3, 0.9), size.z + 0.3}),
                         {0, size.y + 0.2, 0}, trim));
    if (random.coin(0.5))
      parts.push_back(
          part(box({3, 2.4, 3}), {1, size.y + 1.2, size.z * random.uniform(-0.3, 0.3)}, trim));
  }
  if (random.coin(0.5)) {  // a ground floor of its own, with or without awnings, on both sides of
                           // the building
    const double high = std::min(random.uniform(2.8, 3.8), size.y * 0.5);
    const int shop =
        random.coin(0.6)
            ? add_front(scene, random, size.z / std::max(1.0, std::round(size.z / 3.5)), high * 2)
            : add_wall(scene, random);
    parts.push_back(part(box({size.x + 0.15, high, size.z + 0.02}), {0, high / 2, 0}, shop));
    if (random.coin(0.5)) {
      const int cloth = add_fabric(scene, random);
      const double reach = random.uniform(0.8, 1.6);
      parts.push_back(part(box({size.x + 2 * reach, 0.12, size.z * random.uniform(0.4, 0.9)}),
                           {0, high, 0}, cloth));
    }
  }
  if (random.coin(0.3)) {  // balconies
    const double step = size.y / floors;
    for (double y = step; y < size.y - 1; y += step) {
      parts.push_back(part(box({size.x + 1.6, 0.9, size.z * 0.3}), {0, y, 0}, trim));
    }
  }
  return object;
}

Object make_house(Scene& scene, Random& random, Vec3 size) {
  const int front =
      add_front(scene, random, size.z / (2 * std::max(1.0, std::round(size.z / 6))), size.y / 2);
  const int roof = add_roof(scene, random), trim = add_wall(scene, random);
  const double high = random.uniform(2, 4.2);
  const bool ridge_along = random.coin(0.6);
  Object object;
  auto& parts = object.parts;
  parts.push_back(part(box(size), {0, size.y / 2, 0}, front));
  parts.push_back(
      part(taper({size.x + 0.9, high, size.z + 0.9}, ridge_along ? 0 : random.uniform(0.3, 1),
                 ridge_along ? random.uniform(0.4, 1) : 0),
           {0, size.y + high / 2, 0}, roof));
  if (random.coin(0.6))
    parts.push_back(
        part(box({0.7, high, 0.7}), {size.x * 0.2, size.y + high * 0.6, size.z * 0.25}, trim));
  const int door = add_plain(scene, random, any_color(random, 0.9, 0.1, 0.5));
  parts.push_back(part(box({size.x + 0.12, 2.1, 1}), {0, 1.05, size.z * 0.05}, door));
  if (random.coin(0.5)) {  // garage
    parts.push_back(part(box({size.x * 0.7, 2.7, 3.2}), {0, 1.35, size.z / 2 + 1.6}, trim));
    parts.push_back(part(box({size.x * 0.7 + 0.1, 2.1, 2.5}), {0, 1.05, size.z / 2 + 1.6}, door));
  }
  return object;
}

Object make_hall(Scene& scene, Random& random, Vec3 size) {
  const Vec3 color = any_color(random, 0.5, 0.2, 0.75);
  const int wall = random.coin(0.6) ? add_pattern(scene, random, Pattern::kStripes, color,
                                                  color * 0.75, random.uniform(0.4, 2), 0.5)
                                    : add_wall(scene, random);
  const int gate = add_pattern(scene, random, Pattern::kStripes, any_color(random, 0.6, 0.1, 0.7),
                               {0.1, 0.1, 0.1}, 0.3, 0.8);
  Object object;
  object.parts.push_back(part(box(size), {0, size.y / 2, 0}, wall));
  object.parts.push_back(part(taper({size.x + 0.4, 1.5, size.z + 0.4}, 0, 1), {0, size.y + 0.75, 0},
                              add_roof(scene, random)));
  for (double z = -size.z * 0.35; z < size.z * 0.4; z += size.z * 0.3) {
    object.parts.push_back(part(box({size.x + 0.16, 3.6, 3.2}), {0, 1.8, z}, gate));
  }
  if (random.coin(0.5)) {
    const double radius = random.uniform(1.2, 3);
    object.parts.push_back(part(frustum(radius, radius, size.y * 1.4),
                                {0, size.y * 0.7, size.z / 2 + radius + 0.5}, wall));
  }
  return object;
}

Object make_lamp_post(Scene& scene, Random& random) {
  const int metal = add_plain(scene, random, any_color(random, 0.2, 0.05, 0.5));
  const double height = random.uniform(4, 9), arm = random.coin(0.6) ? random.uniform(0.8, 2) : 0.0;
  Object object;
  object.parts.push_back(part(frustum(0.11, 0.06, height), {0, height / 2, 0}, metal));
  if (arm > 0) object.parts.push_back(part(box({arm, 0.08, 0.08}), {-arm / 2, height, 0}, metal));
  object.parts.push_back(part(ellipsoid({0.28, 0.12, 0.2}), {-arm, height, 0}, metal));
  return object;
}

Object make_sign(Scene& scene, Random& random) {
  const int metal = add_plain(scene, random, {0.4, 0.4, 0.42});
  const int face = add_pattern(scene, random, random.coin(0.5) ? Pattern::kDots : Pattern::kPlain,
                               any_color(random, 1, 0.3, 0.8), {0.8, 0.8, 0.8}, 0.5);
  const double height = random.uniform(1.9, 2.8);
  Object object;
  object.parts.push_back(part(frustum(0.04, 0.04, height), {0, height / 2, 0}, metal));
  if (random.coin(0.5)) {
    object.parts.push_back(
        part(frustum(0.33, 0.33, 0.04), {0, height, 0.06}, face, rotation_x(kQuarterTurn)));
  } else {
    object.parts.push_back(part(box({random.uniform(0.5, 1.6), random.uniform(0.4, 0.9), 0.05}),
                                {0, height, 0.06}, face));
  }
  return object;
}

Object make_barrier(Scene& scene, Random& random, double length) {
  Object object;
  auto& parts = object.parts;
  const double height = random.uniform(0.7, 1.9);
  switch (random.below(4)) {
    case 0: {
      const Vec3 green = hsv(random.uniform(0.2, 0.36), 0.7, random.uniform(0.12, 0.35));
      parts.push_back(
          part(taper({0.8, height, length}, 0.7, 1), {0, height / 2, 0},
               add_pattern(scene, random, Pattern::kFoliage, green * 0.35, green * 1.2, 0.25)));
      break;
    }
    case 1:
      parts.push_back(
          part(box({0.3, height, length}), {0, height / 2, 0}, add_wall(scene, random)));
      break;
    case 2: {
      const int wood = add_wood(scene, random);
      for (double z = -length / 2; z < length / 2; z += 2) {
        parts.push_back(part(box({0.12, height, 0.12}), {0, height / 2, z}, wood));
      }
      for (const double y : {0.35, 0.8})
        parts.push_back(part(box({0.06, 0.14, length}), {0, y * height, 0}, wood));
      break;
    }
    default: {
      const int metal = add_plain(scene, random, {0.45, 0.46, 0.48}, 0.2);
      for (double z = -length / 2; z < length / 2; z += 3) {
        parts.push_back(part(box({0.1, 0.7, 0.1}), {0, 0.35, z}, metal));
      }
      parts.push_back(part(box({0.08, 0.3, length}), {0, 0.6, 0}, metal));
    }
  }
  return object;
}

Object make_container(Scene& scene, Random& random) {
  Object object;
  const std::int64_t levels = 1 + random.below(3);
  for (std::int64_t i = 0; i < levels; ++i) {
    const Vec3 color = any_color(random, 0.9, 0.1, 0.6);
    const int steel = add_pattern(scene, random, Pattern::kStripes, color, color * 0.7, 0.3, 0.5);
    object.parts.push_back(part(box({2.4, 2.5, 6}),
                                {random.uniform(-0.2, 0.2), 1.25 + 2.55 * static_cast<double>(i),
                                 random.uniform(-0.3, 0.3)},
                                steel));
  }
  return object;
}

}  // namespace vdd::scenes
