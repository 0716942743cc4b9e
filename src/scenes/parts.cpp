// SPDX-License-Identifier: Apache-2.0
#include "parts.h"

namespace vdd::scenes {

Vec3 hsv(double hue, double saturation, double value) {
  const auto channel = [&](double n) {
    const double k = std::fmod(n + hue * 6, 6.0);
    return value * (1 - saturation * std::clamp(std::min(k, 4 - k), 0.0, 1.0));
  };
  return {channel(5), channel(3), channel(1)};
}

Vec3 any_color(Random& random, double saturation, double low, double high) {
  const double hue = random.uniform(), s = saturation * random.uniform();
  return hsv(hue, s, random.uniform(low, high));
}

int add_plain(Scene& scene, Random& random, Vec3 color, double gloss, double uneven) {
  return scene.add({.pattern = Pattern::kPlain,
                    .colors = {color},
                    .uneven = uneven,
                    .gloss = gloss,
                    .seed = static_cast<std::uint32_t>(random.next())});
}

int add_pattern(Scene& scene, Random& random, Pattern pattern, Vec3 a, Vec3 b, double size,
                double size2) {
  return scene.add({.pattern = pattern,
                    .colors = {a, b, mix(a, b, 0.5)},
                    .size = size,
                    .size2 = size2,
                    .seed = static_cast<std::uint32_t>(random.next())});
}

int add_wood(Scene& scene, Random& random) {
  const double hue = random.uniform(0.04, 0.1), saturation = random.uniform(0.3, 0.7);
  const double value = random.uniform(0.12, 0.6);
  const Vec3 light = hsv(hue, saturation, value), dark = light * random.uniform(0.55, 0.85);
  const int wood =
      add_pattern(scene, random, Pattern::kGrain, light, dark, random.uniform(0.03, 0.12));
  scene.materials[wood].gloss = random.coin(0.4) ? 0.15 : 0;
  return wood;
}

int add_fabric(Scene& scene, Random& random) {
  const Vec3 a = any_color(random, 0.8, 0.08, 0.75), b = any_color(random, 0.8, 0.08, 0.75);
  const double size = random.uniform(0.06, 0.3);
  switch (random.below(6)) {
    case 0:
      return add_pattern(scene, random, Pattern::kStripes, a, b, size, random.uniform(0.2, 0.8));
    case 1:
      return add_pattern(scene, random, Pattern::kChecker, a, b, size);
    case 2:
      return add_pattern(scene, random, Pattern::kDots, a, b, size);
    case 3:
      return add_pattern(scene, random, Pattern::kMottle, a, mix(a, b, 0.4), size);
    default:
      return add_plain(scene, random, a, 0, random.uniform(0.1, 0.4));
  }
}

Part part(const Shape& shape, Vec3 position, int material, const Mat3& rotation) {
  return {shape, {rotation, position}, material};
}

}  // namespace vdd::scenes
