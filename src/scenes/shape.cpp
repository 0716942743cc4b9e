// SPDX-License-Identifier: Apache-2.0
#include "vdd/scenes/shape.h"

#include <array>

namespace vdd::scenes {
namespace {

std::optional<SurfaceHit> intersect_box(Vec3 half, const Ray& ray, double t_min, double t_max) {
  double enter = t_min, leave = t_max;
  int axis = -1;
  for (int i = 0; i < 3; ++i) {
    const double inverse = 1.0 / ray.direction[i];
    double near = (-half[i] - ray.origin[i]) * inverse, far = (half[i] - ray.origin[i]) * inverse;
    if (near > far) std::swap(near, far);
    if (near > enter) enter = near, axis = i;
    leave = std::min(leave, far);
    if (!(enter <= leave)) return {};
  }
  if (axis < 0) return {};
  SurfaceHit hit{.t = enter, .face = axis};
  hit.normal[axis] = ray.direction[axis] > 0 ? -1 : 1;
  return hit;
}

std::optional<SurfaceHit> intersect_taper(const Shape& shape, const Ray& ray, double t_min,
                                          double t_max) {
  const Vec3 h = shape.half;
  const double lean_x = h.x * (1 - shape.top_x) / (2 * h.y),
               lean_z = h.z * (1 - shape.top_z) / (2 * h.y);
  struct Plane {
    Vec3 normal;
    double offset;
    int face;
  };
  const double side_x = h.x - lean_x * h.y, side_z = h.z - lean_z * h.y;
  const std::array<Plane, 6> planes{{{{1, lean_x, 0}, side_x, 0},
                                     {{-1, lean_x, 0}, side_x, 0},
                                     {{0, 1, 0}, h.y, 1},
                                     {{0, -1, 0}, h.y, 1},
                                     {{0, lean_z, 1}, side_z, 2},
                                     {{0, lean_z, -1}, side_z, 2}}};
  double enter = t_min, leave = t_max;
  const Plane* entered = nullptr;
  for (const Plane& plane : planes) {
    const double along = dot(plane.normal, ray.direction);
    const double distance = plane.offset - dot(plane.normal, ray.origin);
    if (along < 0) {
      const double t = distance / along;
      if (t > enter) enter = t, entered = &plane;
    } else if (along > 0) {
      leave = std::min(leave, distance / along);
    } else if (distance < 0) {
      return {};
    }
    if (enter > leave) return {};
  }
  if (!entered) return {};
  return SurfaceHit{.t = enter, .normal = normalized(entered->normal), .face = entered->face};
}

std::optional<SurfaceHit> intersect_ellipsoid(Vec3 radii, const Ray& ray, double t_min,
                                              double t_max) {
  const Vec3 inverse{1 / radii.x, 1 / radii.y, 1 / radii.z};
  const Vec3 o = ray.origin * inverse, d = ray.direction * inverse;
  const double a = dot(d, d), b = dot(o, d), c = dot(o, o) - 1;
  const double discriminant = b * b - a * c;
  if (discriminant <= 0) return {};
  const double t = (-b - std::sqrt(discriminant)) / a;
  if (t <= t_min || t >= t_max) return {};
  return SurfaceHit{.t = t, .normal = normalized((o + t * d) * inverse), .face = 3};
}

std::optional<SurfaceHit> intersect_frustum(const Shape& shape, const Ray& ray, double t_min,
                                            double t_max) {
  const double bottom = shape.half.x, top = shape.top_x, h = shape.half.y;
  const double slope = (top - bottom) / (2 * h);
  const Vec3 o = ray.origin, d = ray.direction;
  SurfaceHit hit{.t = t_max};

  const double side = d.y > 0 ? -h : h;  // the cap that can be entered
  const double t_cap = (side - o.y) / d.y, radius = d.y > 0 ? bottom : top;
  if (d.y != 0 && t_cap > t_min && t_cap < hit.t) {
    const double x = o.x + t_cap * d.x, z = o.z + t_cap * d.z;
    if (x * x + z * z <= radius * radius) {
      hit = {.t = t_cap, .normal = {0, d.y > 0 ? -1.0 : 1.0, 0}, .face = 1};
    }
  }

  const double r = bottom + slope * (o.y + h);  // radius of the cone at the height of the origin
  const double a = d.x * d.x + d.z * d.z - slope * slope * d.y * d.y;
  const double b = o.x * d.x + o.z * d.z - slope * d.y * r;
  const double c = o.x * o.x + o.z * o.z - r * r;
  const double discriminant = b * b - a * c;
  if (a != 0 && discriminant > 0) {
    const double root = std::sqrt(discriminant);
    for (const double t : {(-b - root) / a, (-b + root) / a}) {
      const Vec3 p = o + t * d;
      if (t <= t_min || t >= hit.t || std::abs(p.y) > h) continue;
      const Vec3 normal{p.x, -slope * (bottom + slope * (p.y + h)), p.z};
      if (dot(normal, d) < 0) hit = {.t = t, .normal = normalized(normal), .face = 3};
    }
  }
  if (hit.t == t_max) return {};
  return hit;
}

}  // namespace

Shape box(Vec3 size) {
  return {.kind = ShapeKind::kBox, .half = size * 0.5};
}

Shape taper(Vec3 size, double top_x, double top_z) {
  return {.kind = ShapeKind::kTaper, .half = size * 0.5, .top_x = top_x, .top_z = top_z};
}

Shape ellipsoid(Vec3 radii) {
  return {.kind = ShapeKind::kEllipsoid, .half = radii};
}

Shape frustum(double bottom_radius, double top_radius, double height) {
  return {.kind = ShapeKind::kFrustum,
          .half = {bottom_radius, height / 2, bottom_radius},
          .top_x = top_radius};
}

std::optional<SurfaceHit> intersect(const Shape& shape, const Ray& ray, double t_min,
                                    double t_max) {
  switch (shape.kind) {
    case ShapeKind::kBox:
      return intersect_box(shape.half, ray, t_min, t_max);
    case ShapeKind::kTaper:
      return intersect_taper(shape, ray, t_min, t_max);
    case ShapeKind::kEllipsoid:
      return intersect_ellipsoid(shape.half, ray, t_min, t_max);
    case ShapeKind::kFrustum:
      return intersect_frustum(shape, ray, t_min, t_max);
  }
  return {};
}

}  // namespace vdd::scenes
