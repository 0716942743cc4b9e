// SPDX-License-Identifier: Apache-2.0
#include "vdd/scenes/street.h"

#include "parts.h"

namespace vdd::scenes {
namespace {

constexpr double kBehind = -25,
                 kView = 240;  // the street is built from here to there, beside what is driven

enum class Place { kCity, kSuburb, kCountry, kForest, kIndustry };

void put(Scene& scene, Object object, const Pose& pose) {
  object.pose = pose;
  scene.objects.push_back(std::move(object));
}

/// Stands beside the road, its front towards it.
Pose beside(const Road& road, double s, double across) {
  Pose pose = road.place(s, across);
  if (across < 0) pose.rotation = pose.rotation * rotation_y(kHalfTurn);
  return pose;
}

Material ground(Random& random, Pattern pattern, Vec3 a, Vec3 b, double size) {
  return {.pattern = pattern,
          .colors = {a, b, mix(a, b, 0.5)},
          .size = size,
          .uneven = random.uniform(0.1, 0.3),
          .seed = static_cast<std::uint32_t>(random.next())};
}

Road make_road(Random& random, Place place, double end) {
  Road road;
  road.bend_length = random.uniform(120, 420);
  road.bend = random.coin(0.3) ? 0 : road.bend_length * random.uniform(-0.05, 0.05);
  road.bend_phase = random.uniform(0, 2 * kHalfTurn);
  const bool narrow = place == Place::kForest || place == Place::kCountry;
  road.half_width = narrow ? random.uniform(2.6, 4) : random.uniform(3.2, 7.5);
  road.pavement = narrow && random.coin(0.8) ? 0.0 : random.uniform(1.2, 4);
  road.dash = random.uniform(1.5, 4);
  road.edge_lines = random.coin(0.5);
  const double tar = random.uniform(0.05, 0.2);
  road.asphalt = ground(random, Pattern::kMottle, Vec3{tar, tar, tar * 1.05},
                        Vec3{tar, tar, tar} * random.uniform(0.5, 0.85), random.uniform(0.5, 4));
  road.asphalt.uneven = random.uniform(0.15, 0.5);
  const Vec3 stone = any_color(random, 0.25, 0.2, 0.5);
  road.slabs = ground(random, random.coin(0.6) ? Pattern::kTiles : Pattern::kBricks, stone,
                      stone * 0.6, random.uniform(0.3, 1));
  const Vec3 grass =
      hsv(random.uniform(0.17, 0.33), random.uniform(0.4, 0.75), random.uniform(0.12, 0.4));
  const Vec3 dirt =
      hsv(random.uniform(0.06, 0.12), random.uniform(0.2, 0.6), random.uniform(0.15, 0.45));
  const bool paved = place == Place::kIndustry || (place == Place::kCity && random.coin(0.5));
  road.verge = paved
                   ? ground(random, Pattern::kTiles, stone * 0.8, stone * 0.5, random.uniform(1, 4))
                   : ground(random, Pattern::kMottle, grass, random.coin(0.5) ? dirt : grass * 0.6,
                            random.uniform(0.4, 5));
  if (road.verge.pattern == Pattern::kMottle) road.verge.uneven = 0.35;
  if (!narrow && random.coin(0.6)) road.crossings.push_back(random.uniform(15, end * 0.6));
  return road;
}

/// Builds one side of the street, from near to far.
void build_side(Scene& scene, Random& random, Place place, double side, double end) {
  const Road& road = *scene.road;
  const double edge = road.half_width + 0.2 + road.pavement;
  const auto blocked = [&](double from, double to) {
    for (const double at : road.crossings) {
      if (from < at + 6 && to > at - 6) return true;
    }
    return false;
  };
  const double tallest = random.uniform(9, 38), setback = random.uniform(0.3, 3),
               gap = random.uniform(0.1, 0.4);
  const double lawn = random.uniform(4, 10);
  double s = kBehind;
  while (s < end) {
    double span = 8, depth = 9;
    switch (place) {
      case Place::kCity:
        span = random.uniform(8, 24), depth = random.uniform(8, 16);
        break;
      case Place::kSuburb:
        span = random.uniform(8, 13), depth = random.uniform(7, 10);
        break;
      case Place::kIndustry:
        span = random.uniform(18, 45), depth = random.uniform(12, 25);
        break;
      default:
        span = random.uniform(8, 20);
    }
    const double middle = s + span / 2;
    const bool empty = blocked(s, s + span);
    if (place == Place::kCity && !empty) {
      const Vec3 size{depth, random.uniform(tallest * 0.5, tallest), span};
      put(scene, make_building(scene, random, size),
          beside(road, middle, side * (edge + setback + depth / 2 + std::abs(road.bend) * 0.02)));
      s += span + (random.coin(gap) ? random.uniform(2, 12) : 0.05);
    } else if (place == Place::kSuburb && !empty) {
      put(scene, make_house(scene, random, {depth, random.uniform(3, 6.5), span}),
          beside(road, middle, side * (edge + lawn + depth / 2)));
      if (random.coin(0.6))
        put(scene, make_barrier(scene, random, span + 1),
            beside(road, middle, side * (edge + 0.4)));
      s += span + random.uniform(3, 9);
    } else if (place == Place::kIndustry && !empty) {
      if (random.coin(0.7)) {
        put(scene, make_hall(scene, random, {depth, random.uniform(6, 14), span}),
            beside(road, middle, side * (edge + lawn + depth / 2)));
      } else {
        for (double z = s; z < s + span; z += 7)
          put(scene, make_container(scene, random), beside(road, z, side * (edge + lawn)));
      }
      s += span + random.uniform(3, 15);
    } else {
      if (place == Place::kCountry && random.coin(0.15) && !empty) {
        put(scene, make_house(scene, random, {8, random.uniform(3, 6), 11}),
            beside(road, middle, side * (edge + random.uniform(8, 40))));
      }
      if (place == Place::kCountry && random.coin(0.5))
        put(scene, make_barrier(scene, random, span), beside(road, middle, side * (edge + 0.9)));
      s += span;
    }
  }

  // Trees: a row, or scattered.
  const double density = place == Place::kForest    ? 0.9
                         : place == Place::kCountry ? 0.14
                         : place == Place::kSuburb  ? 0.1
                                                    : 0.05;
  const Tree kind = static_cast<Tree>(random.below(3));
  const double row = random.coin(0.45) ? random.uniform(6, 18) : 0;
  if (row > 0 && place != Place::kForest) {
    const double across =
        road.pavement > 1.8 && place == Place::kCity ? edge - 0.7 : edge + random.uniform(0.6, 3);
    for (double at = kBehind; at < end; at += row) {
      if (blocked(at, at)) continue;
      Pose pose = road.place(at, side * across);
      pose.rotation = rotation_y(random.uniform(0, 6));
      put(scene, make_tree(scene, random, random.coin(0.9) ? kind : Tree::kBush), pose);
    }
  }
  const int scattered = static_cast<int>(density * (end - kBehind));
  for (int i = 0; i < scattered; ++i) {
    const double at = random.uniform(kBehind, end),
                 out = edge + 2.2 +
                       std::pow(random.uniform(), 1.7) * (place == Place::kForest ? 35 : 45);
    if (blocked(at, at) || (place == Place::kCity && out < edge + setback + 18)) continue;
    if (place == Place::kSuburb && out > edge + lawn - 2 && out < edge + lawn + 12) continue;
    if (place == Place::kIndustry && out > edge + 2.5) continue;
    put(scene,
        make_tree(scene, random, random.coin(0.7) ? kind : static_cast<Tree>(random.below(4))),
        road.place(at, side * out));
  }

  const double posts = random.coin(0.75) ? random.uniform(14, 35) : 1e9;
  for (double at = kBehind + random.uniform(0, 10); at < end; at += posts) {
    put(scene, make_lamp_post(scene, random), beside(road, at, side * (road.half_width + 0.5)));
  }
  const std::int64_t signs = random.below(5);
  for (std::int64_t i = 0; i < signs; ++i) {
    put(scene, make_sign(scene, random),
        road.place(random.uniform(8, 90), side * (road.half_width + random.uniform(0.4, 1.2))));
  }
}

void add_traffic(Scene& scene, Random& random, Place place, double speed, double duration) {
  const Road road = *scene.road;
  const auto kind = [&] {
    return random.coin(0.72) ? Vehicle::kCar : random.coin(0.6) ? Vehicle::kVan : Vehicle::kTruck;
  };
  const auto drive = [&](double s0, double across, double v) {
    Object object = make_vehicle(scene, random, kind());
    object.motion = [=](double t) {
      Pose pose = road.place(s0 + v * t, across);
      if (v < 0) pose.rotation = pose.rotation * rotation_y(kHalfTurn);
      return pose;
    };
    scene.objects.push_back(std::move(object));
  };
  const double lane = road.half_width / 2, travelled = speed * duration;
  // Cars ahead in the own lane: never closer than 7 m.
  for (double s = random.uniform(10, 40); s < 200 && random.coin(0.75);
       s += random.uniform(12, 60)) {
    drive(s, lane, std::max(speed + random.uniform(-0.6, 2.5), speed - (s - 10) / duration));
  }
  for (double s = random.uniform(-10, 50); s < 230; s += random.uniform(14, 90)) {
    if (random.coin(0.65)) drive(s, -lane, -random.uniform(3, 14));
  }
  const double parked =
      place == Place::kCity || place == Place::kSuburb ? random.uniform(0, 0.8) : 0.06;
  for (const double side : {-1.0, 1.0}) {
    if (road.half_width < 3.8 && side > 0) continue;
    for (double s = kBehind; s < 150; s += random.uniform(6, 11)) {
      if (!random.coin(parked)) continue;
      Pose pose = road.place(s, side * (road.half_width + 0.35));
      if (side < 0) pose.rotation = pose.rotation * rotation_y(kHalfTurn);
      put(scene, make_vehicle(scene, random, random.coin(0.85) ? Vehicle::kCar : Vehicle::kVan),
          pose);
    }
  }
  const std::int64_t walkers = place == Place::kCity ? 3 + random.below(10) : random.below(4);
  for (std::int64_t i = 0; i < walkers; ++i) {
    Object walker = make_walker(scene, random);
    const bool crosses = random.coin(0.2);
    const double s0 = crosses ? travelled + random.uniform(9, 40) : random.uniform(2, 70);
    const double across = (random.coin(0.5) ? 1 : -1) *
                          (road.half_width + 0.5 + random.uniform(0, std::max(road.pavement, 0.8)));
    const double v = (random.coin(0.5) ? 1 : -1) * random.uniform(0.8, 1.7);
    walker.motion = [=](double t) {
      Pose pose = crosses ? road.place(s0, across - std::copysign(v * t, across))
                          : road.place(s0 + v * t, across);
      const double turn = crosses ? std::copysign(kHalfTurn / 2, across) : v < 0 ? kHalfTurn : 0;
      pose.rotation = pose.rotation * rotation_y(turn);
      pose.translation.y += 0.02 * std::sin(11 * t);
      return pose;
    };
    scene.objects.push_back(std::move(walker));
  }
}

void add_horizon(Scene& scene, Random& random, Place place, double end) {
  const bool skyline = place == Place::kCity || place == Place::kIndustry;
  if (random.coin(skyline ? 0.8 : 0.3)) {
    for (int i = 0; i < 14; ++i) {
      const Vec3 size{random.uniform(12, 40), random.uniform(12, 70), random.uniform(12, 40)};
      const double out = random.uniform(-180, 180);
      put(scene, make_building(scene, random, size),
          {{}, {out, 0, -end - random.uniform(15, 200)}});
    }
  }
  if (random.coin(0.6)) {
    const Vec3 green =
        hsv(random.uniform(0.15, 0.4), random.uniform(0.2, 0.6), random.uniform(0.12, 0.35));
    const int slope =
        add_pattern(scene, random, Pattern::kFoliage, green * 0.5, green, random.uniform(3, 12));
    Object hills;
    for (int i = 0; i < 9; ++i) {
      const double radius = random.uniform(60, 220), height = random.uniform(10, 70);
      hills.parts.push_back(
          part(ellipsoid({radius, height, radius}),
               {random.uniform(-450, 450), 0, -end - radius - random.uniform(0, 160)}, slope));
    }
    put(scene, std::move(hills), {});
  }
}

void set_weather(Scene& scene, Random& random, Weather weather) {
  Sky& sky = scene.sky;
  Sun& sun = scene.sun;
  sky.seed = static_cast<std::uint32_t>(random.next());
  const auto shine = [&](double low, double high, Vec3 color) {
    const double up = random.uniform(low, high) * kHalfTurn / 180,
                 around = random.uniform(0, 2 * kHalfTurn);
    sun = {{std::cos(up) * std::sin(around), std::sin(up), -std::cos(up) * std::cos(around)},
           color};
  };
  const double clear = random.uniform(0.8, 1.15);
  switch (weather) {
    case Weather::kClear:
      shine(25, 70, Vec3{1.0, 0.94, 0.84} * clear);
      sky.zenith = {0.16, 0.33, 0.78}, sky.horizon = {0.62, 0.74, 0.9},
      sky.cloud = {1.0, 1.0, 1.02};
      sky.coverage = random.uniform(0.1, 0.6), sky.haze = random.uniform(0.0008, 0.003);
      sky.ambient_up = {0.3, 0.36, 0.46};
      break;
    case Weather::kMorning:
      shine(9, 24, Vec3{1.0, 0.8, 0.58} * clear);
      sky.zenith = {0.25, 0.38, 0.68}, sky.horizon = {0.85, 0.75, 0.65},
      sky.cloud = {1.0, 0.92, 0.85};
      sky.coverage = random.uniform(0.2, 0.6), sky.haze = random.uniform(0.002, 0.006);
      sky.ambient_up = {0.3, 0.31, 0.36};
      break;
    case Weather::kSunset:
      shine(5, 16, Vec3{1.0, 0.56, 0.28} * clear);
      sky.zenith = {0.22, 0.24, 0.45}, sky.horizon = {0.85, 0.5, 0.3}, sky.cloud = {0.85, 0.5, 0.4};
      sky.coverage = random.uniform(0.2, 0.65), sky.haze = random.uniform(0.0015, 0.005);
      sky.ambient_up = {0.25, 0.22, 0.27};
      break;
    case Weather::kOvercast:
      shine(65, 88, Vec3{0.3, 0.3, 0.3});
      sky.zenith = {0.6, 0.63, 0.68}, sky.horizon = {0.72, 0.74, 0.76},
      sky.cloud = {0.8, 0.8, 0.82};
      sky.coverage = 0.75, sky.haze = random.uniform(0.002, 0.006);
      sky.ambient_up = {0.56, 0.58, 0.62};
      break;
    case Weather::kFog:
      shine(65, 88, Vec3{0.18, 0.18, 0.18});
      sky.zenith = {0.66, 0.67, 0.68}, sky.horizon = {0.62, 0.63, 0.64};
      sky.coverage = 0, sky.haze = random.uniform(0.015, 0.05);
      sky.ambient_up = {0.5, 0.51, 0.53};
      break;
    case Weather::kRain:
      shine(65, 88, Vec3{0.16, 0.16, 0.17});
      sky.zenith = {0.33, 0.36, 0.42}, sky.horizon = {0.45, 0.48, 0.52},
      sky.cloud = {0.4, 0.42, 0.45};
      sky.coverage = 0.8, sky.haze = random.uniform(0.006, 0.014);
      sky.ambient_up = {0.36, 0.38, 0.42};
      for (Vec3& color : scene.road->asphalt.colors) color = color * 0.6;
      break;
  }
  const Vec3 ground = scene.road->verge.colors[0];
  sky.ambient_down = sky.ambient_up * mix(Vec3{0.45, 0.45, 0.45}, ground, 0.5);
}

}  // namespace

Scene make_street(const StreetConfig& config) {
  Random random(derive_seed(config.seed, 0, "street"));
  const Place place = static_cast<Place>(random.below(5));
  const double speed = random.coin(0.12) ? random.uniform(0, 1.5) : random.uniform(3, 12);
  const double end = kView + speed * config.duration;

  Scene scene;
  scene.road = make_road(random, place, end);
  const Place right = random.coin(0.75) ? place : static_cast<Place>(random.below(5));
  build_side(scene, random, place, -1, end);
  build_side(scene, random, right, 1, end);
  add_traffic(scene, random, place, speed, config.duration);
  add_horizon(scene, random, place, end);

  const Road road = *scene.road;
  const double lane = road.half_width / 2 + random.uniform(-0.4, 0.4),
               height = random.uniform(1.2, 2.3);
  const double pitch = random.uniform(-0.07, 0.02), sway = random.uniform(0, 0.03),
               phase = random.uniform(0, 6);
  const double drift = random.uniform(-0.05, 0.05);
  scene.camera = [=, yaw = config.yaw](double t) {
    const double s = speed * t;
    Pose pose = road.place(s, lane + drift * t, height + 0.02 * std::sin(7 * t + phase));
    const double turn = yaw + sway * std::sin(1.3 * t + phase),
                 nod = pitch + 0.25 * sway * std::sin(5 * t);
    pose.rotation = pose.rotation * rotation_y(turn) * rotation_x(nod);
    return pose;
  };

  Random weather(derive_seed(config.seed, static_cast<std::int64_t>(config.weather), "weather"));
  set_weather(scene, weather, config.weather);
  return scene;
}

}  // namespace vdd::scenes
