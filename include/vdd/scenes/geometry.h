// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cmath>

// Small vectors for the renderer. World axes: x right, y up, z towards the viewer (a camera with
// the identity pose looks along -z); metres.
namespace vdd::scenes {

constexpr double kHalfTurn = 3.141592653589793, kQuarterTurn = kHalfTurn / 2;  // radians

struct Vec3 {
  double x = 0, y = 0, z = 0;

  double& operator[](int axis) { return axis == 0 ? x : axis == 1 ? y : z; }
  double operator[](int axis) const { return axis == 0 ? x : axis == 1 ? y : z; }
};

inline Vec3 operator+(Vec3 a, Vec3 b) {
  return {a.x + b.x, a.y + b.y, a.z + b.z};
}
inline Vec3 operator-(Vec3 a, Vec3 b) {
  return {a.x - b.x, a.y - b.y, a.z - b.z};
}
inline Vec3 operator-(Vec3 a) {
  return {-a.x, -a.y, -a.z};
}
inline Vec3 operator*(Vec3 a, Vec3 b) {
  return {a.x * b.x, a.y * b.y, a.z * b.z};
}
inline Vec3 operator*(Vec3 a, double s) {
  return {a.x * s, a.y * s, a.z * s};
}
inline Vec3 operator*(double s, Vec3 a) {
  return a * s;
}
inline Vec3 operator/(Vec3 a, double s) {
  return a * (1.0 / s);
}
inline Vec3& operator+=(Vec3& a, Vec3 b) {
  return a = a + b;
}
inline double dot(Vec3 a, Vec3 b) {
  return a.x * b.x + a.y * b.y + a.z * b.z;
}
inline Vec3 cross(Vec3 a, Vec3 b) {
  return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}
inline double length(Vec3 a) {
  return std::sqrt(dot(a, a));
}
inline Vec3 normalized(Vec3 a) {
  return a / length(a);
}
inline Vec3 abs(Vec3 a) {
  return {std::abs(a.x), std::abs(a.y), std::abs(a.z)};
}
inline Vec3 min(Vec3 a, Vec3 b) {
  return {std::min(a.x, b.x), std::min(a.y, b.y), std::min(a.z, b.z)};
}
inline Vec3 max(Vec3 a, Vec3 b) {
  return {std::max(a.x, b.x), std::max(a.y, b.y), std::max(a.z, b.z)};
}
inline double mix(double a, double b, double t) {
  return a + (b - a) * t;
}
inline Vec3 mix(Vec3 a, Vec3 b, double t) {
  return a + (b - a) * t;
}
inline double smoothstep(double low, double high, double x) {
  const double t = std::clamp((x - low) / (high - low), 0.0, 1.0);
  return t * t * (3 - 2 * t);
}

struct Mat3 {
  std::array<Vec3, 3> rows{Vec3{1, 0, 0}, Vec3{0, 1, 0}, Vec3{0, 0, 1}};
};

inline Vec3 operator*(const Mat3& m, Vec3 v) {
  return {dot(m.rows[0], v), dot(m.rows[1], v), dot(m.rows[2], v)};
}
inline Mat3 transposed(const Mat3& m) {
  const auto& [a, b, c] = m.rows;
  return {{Vec3{a.x, b.x, c.x}, Vec3{a.y, b.y, c.y}, Vec3{a.z, b.z, c.z}}};
}
/// transposed(m) * v
inline Vec3 back(const Mat3& m, Vec3 v) {
  return m.rows[0] * v.x + m.rows[1] * v.y + m.rows[2] * v.z;
}
inline Mat3 operator*(const Mat3& a, const Mat3& b) {
  const Mat3 columns = transposed(b);
  Mat3 out;
  for (int i = 0; i < 3; ++i) out.rows[i] = columns * a.rows[i];
  return out;
}
inline Mat3 inverse(const Mat3& m) {
  const auto& [a, b, c] = m.rows;
  const double scale = 1.0 / dot(a, cross(b, c));
  return transposed({{cross(b, c) * scale, cross(c, a) * scale, cross(a, b) * scale}});
}

/// Right-handed turns by `angle` radians.
inline Mat3 rotation_x(double angle) {
  const double c = std::cos(angle), s = std::sin(angle);
  return {{Vec3{1, 0, 0}, Vec3{0, c, -s}, Vec3{0, s, c}}};
}
inline Mat3 rotation_y(double angle) {
  const double c = std::cos(angle), s = std::sin(angle);
  return {{Vec3{c, 0, s}, Vec3{0, 1, 0}, Vec3{-s, 0, c}}};
}
inline Mat3 rotation_z(double angle) {
  const double c = std::cos(angle), s = std::sin(angle);
  return {{Vec3{c, -s, 0}, Vec3{s, c, 0}, Vec3{0, 0, 1}}};
}

/// Rigid motion: target = rotation * source + translation.
struct Pose {
  Mat3 rotation;
  Vec3 translation;
};

inline Vec3 operator*(const Pose& pose, Vec3 v) {
  return pose.rotation * v + pose.translation;
}
inline Pose operator*(const Pose& a, const Pose& b) {
  return {a.rotation * b.rotation, a * b.translation};
}
inline Pose inverse(const Pose& pose) {
  return {transposed(pose.rotation), -back(pose.rotation, pose.translation)};
}

/// A camera at `eye` that looks at `target`, turned by `roll` about its axis.
inline Pose look_at(Vec3 eye, Vec3 target, double roll = 0) {
  const Vec3 backward = normalized(eye - target);
  const Vec3 right = normalized(cross({0, 1, 0}, backward));
  const Mat3 columns{{right, cross(backward, right), backward}};
  return {transposed(columns) * rotation_z(roll), eye};
}

struct Ray {
  Vec3 origin;
  Vec3 direction;  ///< of any length: hits are at origin + t * direction
};

}  // namespace vdd::scenes
