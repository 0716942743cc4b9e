// SPDX-License-Identifier: Apache-2.0
#include "room_camera.h"

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include "vdd/core/random.h"
#include "vdd/scenes/renderer.h"

namespace vdd::scenes {
namespace {

/// A smooth path of the camera through free space, towards a point that wanders.
struct Take {
  Vec3 from, bend, to, look_from, look_to;
  double duration = 1, roll = 0, shake = 0, phase = 0;

  Pose at(double time) const {
    const double a = time / duration;
    const Vec3 eye = mix(mix(from, bend, a), mix(bend, to, a), a);
    const Vec3 jitter{std::sin(9 * time + phase), std::sin(7 * time),
                      std::sin(8 * time + 2 * phase)};
    return look_at(eye + jitter * (shake * 0.3), mix(look_from, look_to, a) + jitter * shake, roll);
  }
};

Take draw_take(Random& random, Vec3 room, double duration) {
  const auto inside = [&](double low, double high) {
    const double x = room.x * random.uniform(-0.44, 0.44),
                 y = random.uniform(low, std::min(high, room.y - 0.3));
    return Vec3{x, y, room.z * random.uniform(-0.44, 0.44)};
  };
  Take take;
  take.from = inside(0.8, 1.9);
  const double way = duration * random.uniform(0.08, 0.8), angle = random.uniform(0, 2 * kHalfTurn);
  take.to =
      take.from + Vec3{way * std::cos(angle), random.uniform(-0.3, 0.3), way * std::sin(angle)};
  take.bend =
      mix(take.from, take.to, 0.5) + Vec3{random.uniform(-0.3, 0.3), 0, random.uniform(-0.3, 0.3)};
  take.look_from = inside(0.2, 1.5);
  const double wander = random.coin(0.3) ? 2.0 : 0.6;
  take.look_to = take.look_from + Vec3{random.uniform(-wander, wander), random.uniform(-0.3, 0.3),
                                       random.uniform(-wander, wander)};
  take.duration = duration;
  take.roll = random.uniform(-0.04, 0.04);
  take.shake = random.uniform(0, 0.015);
  take.phase = random.uniform(0, 6);
  return take;
}

bool collides(const Renderer& room, const Pose& pose) {
  for (int i = 0; i < 18; ++i) {
    const double turn = i * kHalfTurn / 4, up = i < 8 ? 0 : i < 16 ? -0.8 : i == 16 ? 5 : -5;
    const Vec3 direction = normalized({std::cos(turn), up, std::sin(turn)});
    if (room.look({pose.translation, direction}).distance < 0.3) return true;
  }
  return false;
}

/// 1 and more for a view with near and far things, several of them, none of which fills it.
double variety(const Renderer& room, const Pose& pose, double tan_half_width) {
  std::vector<double> distances;
  std::map<int, int> counts;
  for (int y = -3; y <= 3; ++y) {
    for (int x = -4; x <= 4; ++x) {
      const Vec3 ray{x / 4.0 * tan_half_width, y / 3.0 * tan_half_width * 0.7, -1};
      const auto seen = room.look({pose.translation, pose.rotation * normalized(ray)});
      distances.push_back(seen.distance);
      ++counts[seen.entity];
    }
  }
  std::sort(distances.begin(), distances.end());
  const auto rank = [&](double share) {
    return distances[static_cast<std::size_t>(share * static_cast<double>(distances.size()))];
  };
  if (rank(0.03) < 0.45 || std::isinf(rank(0.8)))
    return 0;  // nearly touching, or out of the window
  int largest = 0;
  for (const auto& [entity, count] : counts) largest = std::max(largest, count);
  const double spread = rank(0.8) / rank(0.13), things = static_cast<double>(counts.size());
  const double share = largest / static_cast<double>(distances.size());
  return std::min({spread / 2, things / 6, 0.5 / share, rank(0.3) / 1.1});
}

/// The worst of three moments of a take; negative if it runs into something.
double quality(const Take& take, const std::array<Renderer, 3>& moments, double tan_half_width) {
  double worst = 1e9;
  for (int k = 0; k < 3; ++k) {
    const Pose pose = take.at(take.duration * k / 2.0);
    const Vec3 ahead = mix(take.look_from, take.look_to, k / 2.0) - pose.translation;
    if (std::hypot(ahead.x, ahead.z) < 0.8 || collides(moments[k], pose)) return -1;
    worst = std::min(worst, variety(moments[k], pose, tan_half_width));
  }
  return worst;
}

}  // namespace

std::function<Pose(double time)> film_room(const Scene& scene, const RoomConfig& config) {
  const std::array<Renderer, 3> moments{Renderer(scene, 0), Renderer(scene, config.duration / 2),
                                        Renderer(scene, config.duration)};
  Random director(derive_seed(config.seed, config.take, "take"));
  const Vec3 size = scene.room->high - scene.room->low;
  Take best = draw_take(director, size, config.duration);
  double score = quality(best, moments, config.tan_half_width);
  for (int attempt = 0; attempt < 400 && score < 1; ++attempt) {
    const Take take = draw_take(director, size, config.duration);
    const double q = quality(take, moments, config.tan_half_width);
    if (q > score) score = q, best = take;
  }
  return [best](double t) { return best.at(t); };
}

}  // namespace vdd::scenes
