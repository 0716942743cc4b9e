// SPDX-License-Identifier: Apache-2.0
#include "vdd/scenes/material.h"

namespace vdd::scenes {
namespace {

double unit(std::uint32_t bits) {
  return (bits >> 8) * (1.0 / 16777216.0);
}

std::int32_t cell(double x) {
  return static_cast<std::int32_t>(std::floor(x));
}

double value_noise(Vec3 p, std::uint32_t seed) {
  const std::int32_t x = cell(p.x), y = cell(p.y), z = cell(p.z);
  const auto ease = [](double t) { return t * t * (3 - 2 * t); };
  const double tx = ease(p.x - x), ty = ease(p.y - y), tz = ease(p.z - z);
  const auto edge = [&](std::int32_t dy, std::int32_t dz) {
    return mix(unit(hash(x, y + dy, z + dz, seed)), unit(hash(x + 1, y + dy, z + dz, seed)), tx);
  };
  return mix(mix(edge(0, 0), edge(1, 0), ty), mix(edge(0, 1), edge(1, 1), ty), tz);
}

/// 1 where a detail of this size is far larger than the footprint, 0 where it cannot be seen.
double resolved(double size, double footprint) {
  return std::clamp(1.5 - footprint / size, 0.0, 1.0);
}

Vec3 hue_shift(Vec3 color, std::uint32_t bits, double strength) {
  return color * Vec3{1 + strength * (unit(bits) - 0.5),
                      1 + strength * (unit(bits * 2654435761u) - 0.5),
                      1 + strength * (unit(bits * 2246822519u) - 0.5)};
}

Vec3 tiles(const Material& m, const SurfacePoint& s, double length, double height, double joint,
           double stagger) {
  const double row = std::floor(s.v / height);
  const double u = s.u + stagger * length * (cell(row) & 1);
  const std::uint32_t id = hash(cell(u / length), cell(row), 0, m.seed);
  const double inside = pulse(u - joint / 2, length, 1 - joint / length, s.footprint_u) *
                        pulse(s.v - joint / 2, height, 1 - joint / height, s.footprint_v);
  const double visible = resolved(length, s.footprint_u) * resolved(height, s.footprint_v);
  const Vec3 face = m.colors[0] * (1 + visible * 0.35 * (unit(id) - 0.5));
  const double mean = (1 - joint / length) * (1 - joint / height);
  return mix(m.colors[1], face, mix(mean, inside, visible));
}

Vec3 planks(const Material& m, const SurfacePoint& s) {
  const double row = std::floor(s.v / m.size);
  const double length = m.size * 9;
  const double u = s.u + length * unit(hash(cell(row), 7, 0, m.seed));
  const std::uint32_t id = hash(cell(u / length), cell(row), 1, m.seed);
  const double visible = resolved(m.size, s.footprint_v);
  const double grain =
      fractal_noise({u * 2, s.v * 25, unit(id) * 50}, s.footprint_v * 25, 3, m.seed);
  const Vec3 board = hue_shift(m.colors[0], id, 0.4 * visible) * (1 + 0.7 * visible * grain);
  const double inside =
      pulse(s.v, m.size, 0.95, s.footprint_v) * pulse(u, length, 0.995, s.footprint_u);
  return mix(m.colors[1], board, mix(0.95, inside, visible));
}

Vec3 windows(const Material& m, const SurfacePoint& s) {
  const double cu = s.u / m.size, cv = s.v / m.size2;
  const std::uint32_t id = hash(cell(cu), cell(cv), 2, m.seed);
  const double fu = s.footprint_u / m.size, fv = s.footprint_v / m.size2;
  const double visible = resolved(1, fu) * resolved(1, fv);
  const double wide = 0.32 + 0.3 * unit(hash(1, 0, 0, m.seed)),
               high = 0.4 + 0.25 * unit(hash(2, 0, 0, m.seed));
  const double du = cu - std::floor(cu) - 0.5, dv = cv - std::floor(cv) - 0.5;
  const double outer = band(du, -wide / 2 - 0.04, wide / 2 + 0.04, fu) *
                       band(dv, -high / 2 - 0.04, high / 2 + 0.03, fv);
  const double bar = band(du, -0.012, 0.012, fu);
  const double inner =
      band(du, -wide / 2, wide / 2, fu) * band(dv, -high / 2, high / 2, fv) * (1 - bar);
  const double lit = unit(id) < 0.12 ? 5.0 : 0.5 + unit(id * 747796405u);
  const Vec3 glass = m.colors[1] * mix(1.0, lit * (1.2 + dv), visible);
  const Vec3 wall = m.colors[0] * (1 - 0.25 * pulse(s.v, m.size2, 0.05, s.footprint_v));
  return mix(mix(wall, m.colors[2], outer), glass, inner);
}

Vec3 books(const Material& m, const SurfacePoint& s) {
  const double u = s.u / m.size, row = std::floor(s.v / m.size2);
  // Neighbouring backs share cells of unequal width: each border is moved by its own hash.
  const std::int32_t i = cell(u);
  const double border = 0.25 + 0.5 * unit(hash(i, cell(row), 3, m.seed));
  const std::int32_t index = 2 * i + (u - i > border ? 1 : 0);
  const std::uint32_t id = hash(index, cell(row), 4, m.seed);
  const double tall = 0.6 + 0.32 * unit(id * 2891336453u);
  const double v = s.v / m.size2 - row;
  const double visible = resolved(m.size * 0.5, s.footprint_u);
  const Vec3 pick = mix(m.colors[id % 3], m.colors[(id / 3) % 3], unit(id));
  const Vec3 mean = (m.colors[0] + m.colors[1] + m.colors[2]) / 3;
  const double title = band(v, 0.45, 0.55, s.footprint_v / m.size2) * (id & 1);
  const Vec3 back = mix(mean, hue_shift(pick, id, 0.5), visible) * (1 + 0.6 * title * visible);
  return mix({0.02, 0.018, 0.015}, back, band(v, 0.03, tall, s.footprint_v / m.size2));
}

Vec3 dots(const Material& m, const SurfacePoint& s) {
  const double u = s.u / m.size, v = s.v / m.size;
  const double du = u - std::floor(u) - 0.5, dv = v - std::floor(v) - 0.5;
  const double footprint = std::max({s.footprint_u, s.footprint_v, 1e-6}) / m.size;
  const double inside =
      1 - smoothstep(0.28 - footprint / 2, 0.28 + footprint / 2, std::hypot(du, dv));
  return mix(m.colors[0], m.colors[1], mix(0.25, inside, resolved(1, footprint)));
}

Vec3 picture(const Material& m, const SurfacePoint& s) {
  const double footprint = std::max(s.footprint_u, s.footprint_v) / m.size;
  const Vec3 p{s.u / m.size, s.v / m.size, 0.5};
  const double a = fractal_noise(p, footprint, 3, m.seed),
               b = fractal_noise(p * 0.7, footprint, 2, m.seed + 1);
  const Vec3 base = mix(m.colors[0], m.colors[1], smoothstep(-0.08, 0.08, a));
  return mix(base, m.colors[2], smoothstep(0.05, 0.12, b));
}

}  // namespace

std::uint32_t hash(std::int32_t x, std::int32_t y, std::int32_t z, std::uint32_t seed) {
  std::uint32_t h = seed * 0x9E3779B9u + static_cast<std::uint32_t>(x) * 0x85EBCA6Bu;
  h = (h ^ (h >> 15)) + static_cast<std::uint32_t>(y) * 0xC2B2AE35u;
  h = (h ^ (h >> 13)) * 0x27D4EB2Fu + static_cast<std::uint32_t>(z) * 0x165667B1u;
  h = (h ^ (h >> 16)) * 0x7FEB352Du;
  return h ^ (h >> 15);
}

double fractal_noise(Vec3 p, double footprint, int octaves, std::uint32_t seed) {
  double sum = 0, amplitude = 0.6, wavelength = 1;
  for (int i = 0; i < octaves; ++i) {
    const double fade = std::clamp(2 - 2 * footprint / wavelength, 0.0, 1.0);
    if (fade == 0) break;
    sum += amplitude * fade * (value_noise(p / wavelength, seed + 101 * i) - 0.5);
    amplitude *= 0.5;
    wavelength *= 0.5;
  }
  return sum;
}

double pulse(double x, double period, double duty, double width) {
  const auto integral = [&](double at) {
    const double whole = std::floor(at / period);
    return whole * duty * period + std::min(at - whole * period, duty * period);
  };
  width = std::max(width, 1e-9);
  return (integral(x + width / 2) - integral(x - width / 2)) / width;
}

double band(double x, double low, double high, double width) {
  width = std::max(width, 1e-9);
  const double inside = std::min(x + width / 2, high) - std::max(x - width / 2, low);
  return std::clamp(inside / width, 0.0, 1.0);
}

Vec3 albedo(const Material& m, const SurfacePoint& s) {
  const double footprint = (s.footprint.x + s.footprint.y + s.footprint.z) / 2;
  const auto noise = [&](double size, int octaves) {
    return fractal_noise(s.position / size, footprint / size, octaves, m.seed);
  };
  Vec3 color = m.colors[0];
  switch (m.pattern) {
    case Pattern::kPlain:
      break;
    case Pattern::kMottle:
      color = mix(m.colors[0], m.colors[1], smoothstep(-0.25, 0.25, noise(m.size, 4)));
      break;
    case Pattern::kGrain: {
      const double rings =
          s.v / m.size + 3 * fractal_noise({s.u, s.v * 4, 0}, footprint * 4, 2, m.seed);
      const double visible = resolved(m.size, s.footprint_v);
      color =
          mix(m.colors[0], m.colors[1], 0.5 + 0.5 * visible * std::sin(6.283185307179586 * rings));
      break;
    }
    case Pattern::kChecker: {
      const double a = pulse(s.u, 2 * m.size, 0.5, s.footprint_u),
                   b = pulse(s.v, 2 * m.size, 0.5, s.footprint_v);
      color = mix(m.colors[0], m.colors[1], a * b + (1 - a) * (1 - b));
      break;
    }
    case Pattern::kTiles:
      color = tiles(m, s, m.size, m.size, 0.04 * m.size, 0);
      break;
    case Pattern::kBricks:
      color = tiles(m, s, 2.6 * m.size, m.size, 0.13 * m.size, 0.5);
      break;
    case Pattern::kPlanks:
      color = planks(m, s);
      break;
    case Pattern::kStripes:
      color = mix(m.colors[0], m.colors[1], pulse(s.u, m.size, m.size2, s.footprint_u));
      break;
    case Pattern::kDots:
      color = dots(m, s);
      break;
    case Pattern::kWindows:
      color = windows(m, s);
      break;
    case Pattern::kBooks:
      color = books(m, s);
      break;
    case Pattern::kPicture:
      color = picture(m, s);
      break;
    case Pattern::kFoliage: {
      const double leaves = noise(m.size, 4) + 0.5 * noise(m.size * 4, 1);
      color = mix(m.colors[0], m.colors[1], smoothstep(-0.3, 0.3, leaves));
      break;
    }
  }
  const double shade = 1 + m.uneven * 2 * (noise(1.3, 2) + 0.6 * noise(0.17, 2));
  return color * std::max(shade, 0.05);
}

}  // namespace vdd::scenes
