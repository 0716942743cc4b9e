// SPDX-License-Identifier: Apache-2.0
#include "vdd/scenes/renderer.h"

#include <limits>

#include "bvh.h"

namespace vdd::scenes {
namespace {

constexpr double kNear = 1e-3;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr int kNothing = -1, kGround = -2;

struct Hit {
  double t = kInfinity;
  Vec3 normal;
  int face = 0;
  int solid = kNothing;  // index, kGround or kNothing

  bool same_surface(const Hit& other) const { return solid == other.solid && face == other.face; }
};

std::vector<Solid> place(const Scene& scene, double time) {
  std::vector<Solid> solids;
  for (std::size_t i = 0; i < scene.objects.size(); ++i) {
    const Pose pose = scene.objects[i].pose_at(time);
    for (const Part& part : scene.objects[i].parts) {
      const Pose world_from_solid = pose * part.object_from_part;
      solids.push_back({.shape = part.shape,
                        .world_from_solid = world_from_solid,
                        .bounds = world_bounds(part.shape, world_from_solid),
                        .material = part.material,
                        .object = static_cast<int>(i)});
    }
  }
  return solids;
}

Vec3 sky_color(const Scene& scene, Vec3 direction) {
  const Sky& sky = scene.sky;
  const double up = std::max(direction.y, 0.0);
  Vec3 color = mix(sky.horizon, sky.zenith, 1 - std::exp(-3.5 * up));
  if (sky.coverage > 0 && up > 0.02) {
    const Vec3 p{direction.x / (up + 0.12), 0, direction.z / (up + 0.12)};
    const double density =
        fractal_noise(p * 1.1, 0.02 / (up + 0.05), 4, sky.seed) + sky.coverage - 0.5;
    const double cover = smoothstep(-0.08, 0.22, density) * smoothstep(0.02, 0.16, up);
    color = mix(color, sky.cloud * (1 - 0.35 * smoothstep(0.1, 0.6, density)), cover);
  }
  const double towards_sun = std::max(dot(direction, scene.sun.direction), 0.0);
  return color + scene.sun.color * (0.12 * std::pow(towards_sun, 24));
}

}  // namespace

class Renderer::Tracer {
 public:
  Tracer(const Scene& scene, double time) : scene_(scene), bvh_(place(scene, time)) {}

  Hit trace(const Ray& ray) const {
    Hit hit;
    if (scene_.road && ray.direction.y < 0 && ray.origin.y > 0) {
      hit = {-ray.origin.y / ray.direction.y, {0, 1, 0}, 1, kGround};
    }
    const Bvh::Hit found = bvh_.closest(ray, kNear, hit.t);
    if (found.solid >= 0) {
      const Mat3& rotation = bvh_.solids()[found.solid].world_from_solid.rotation;
      hit = {found.surface.t, rotation * found.surface.normal, found.surface.face, found.solid};
    }
    return hit;
  }

  int entity(const Hit& hit) const {
    if (hit.solid == kNothing) return -1;
    return hit.solid == kGround ? static_cast<int>(scene_.objects.size())
                                : bvh_.solids()[hit.solid].object;
  }

  Vec3 inner_pixel(const Camera& camera, double x, double y, const Hit& hit) const;
  Vec3 border_pixel(const Camera& camera, double x, double y) const;
  Ray ray(const Camera& camera, double x, double y) const {
    const double width = static_cast<double>(camera.width),
                 height = static_cast<double>(camera.height);
    const Vec3 uv{2 * (x + 0.5) / width - 1, 1 - 2 * (y + 0.5) / height, 1};
    const Vec3 direction = normalized(camera.ray_from_uv * uv);
    return {camera.world_from_camera.translation, camera.world_from_camera.rotation * direction};
  }

 private:
  const Material* material(const Hit& hit) const {
    return hit.solid < 0 ? nullptr : &scene_.materials[bvh_.solids()[hit.solid].material];
  }
  Vec3 surface_color(const Ray& ray, const Hit& hit, Vec3 next_x, Vec3 next_y) const;
  struct Light {
    Vec3 diffuse;          // what a white surface sends to the viewer
    double highlight = 0;  // reflection of the sun and the lamps
    unsigned shadows = 0;  // a bit for each light that does not reach the point
  };
  Light light(Vec3 point, Vec3 normal, Vec3 view, double gloss) const;
  bool reaches(Vec3 point, Vec3 towards, double distance) const;
  Vec3 through_haze(Vec3 color, double distance) const;

  const Scene& scene_;
  Bvh bvh_;
};

/// Colour of the surface alone. next_x, next_y: directions of the rays one pixel to the right and
/// below.
Vec3 Renderer::Tracer::surface_color(const Ray& ray, const Hit& hit, Vec3 next_x,
                                     Vec3 next_y) const {
  const Vec3 point = ray.origin + hit.t * ray.direction;
  const double facing = dot(ray.direction, hit.normal);
  // Where the neighbours' rays meet the tangent plane; no more than 12 times the footprint of a
  // surface seen from the front.
  const double limit = 12 * hit.t * length(next_x - ray.direction);
  const auto step = [&](Vec3 next) {
    const Vec3 d =
        ray.origin + next * (hit.t * facing / std::min(dot(next, hit.normal), -1e-6)) - point;
    return d * std::min(1.0, limit / std::max(length(d), 1e-12));
  };
  const Vec3 dx = step(next_x), dy = step(next_y);
  if (hit.solid == kGround) return scene_.road->albedo(point, abs(dx) + abs(dy));

  const Solid& solid = bvh_.solids()[hit.solid];
  const Mat3& rotation = solid.world_from_solid.rotation;
  const Vec3 p = back(rotation, point - solid.world_from_solid.translation);
  const Vec3 f = abs(back(rotation, dx)) + abs(back(rotation, dy));
  SurfacePoint s{
      .position = p, .footprint = f, .u = p.x, .v = p.y, .footprint_u = f.x, .footprint_v = f.y};
  if (hit.face == 0) {
    s.u = p.z, s.footprint_u = f.z;
  } else if (hit.face == 1) {
    s.v = p.z, s.footprint_v = f.z;
  } else if (hit.face == 3) {
    const double radius = std::max(solid.shape.half.x, solid.shape.half.z);
    s.u = std::atan2(p.z, p.x) * radius, s.footprint_u = std::hypot(f.x, f.z);
  }
  return albedo(scene_.materials[solid.material], s);
}

bool Renderer::Tracer::reaches(Vec3 point, Vec3 towards, double distance) const {
  const auto shines = [this](const Solid& solid) {
    return scene_.materials[solid.material].emission > 0;
  };
  return !bvh_.any({point, towards}, kNear, distance, shines);
}

Renderer::Tracer::Light Renderer::Tracer::light(Vec3 point, Vec3 normal, Vec3 view,
                                                double gloss) const {
  point += normal * (1e-4 * (1 + length(point) * 0.01));
  Light sum{.diffuse = mix(scene_.sky.ambient_down, scene_.sky.ambient_up, 0.5 + 0.5 * normal.y)};
  if (scene_.room) {  // corners see less of the room
    const Vec3 a = point - scene_.room->low, b = scene_.room->high - point;
    for (const double d : {a.x, a.y, a.z, b.x, b.y, b.z}) {
      if (d < 1.5) sum.diffuse = sum.diffuse * (1 - 0.3 * std::exp(-std::max(d, 0.0) / 0.35));
    }
  }
  unsigned bit = 1;
  const auto add = [&](Vec3 towards, double reach, Vec3 power) {
    const double facing = dot(towards, normal);
    if (facing > 0 && power.x + power.y + power.z > 0) {
      if (!reaches(point, towards, reach)) {
        sum.shadows |= bit;
      } else {
        sum.diffuse += power * facing;
        const double aligned =
            gloss > 0 ? std::max(dot(normalized(towards - view), normal), 0.0) : 0.0;
        if (aligned > 0)
          sum.highlight += gloss * std::pow(aligned, 40) * std::max({power.x, power.y, power.z});
      }
    }
    bit <<= 1;
  };
  add(scene_.sun.direction, kInfinity, scene_.sun.color);
  for (const Lamp& lamp : scene_.lamps) {
    const Vec3 towards = lamp.position - point;
    const double distance = length(towards);
    add(towards / distance, distance, lamp.power / (0.3 + distance * distance));
  }
  return sum;
}

Vec3 Renderer::Tracer::through_haze(Vec3 color, double distance) const {
  return mix(scene_.sky.horizon, color, std::exp(-scene_.sky.haze * distance));
}

/// One colour for a pixel within a surface: the texture averaged over the pixel, the light at two
/// points of it, and at four where a shadow's edge passes between them.
Vec3 Renderer::Tracer::inner_pixel(const Camera& camera, double x, double y, const Hit& hit) const {
  const Ray middle = ray(camera, x, y);
  if (hit.solid == kNothing) return sky_color(scene_, middle.direction);
  const Material* m = material(hit);
  if (m && m->emission > 0) return through_haze(m->colors[0] * m->emission, hit.t);

  const Vec3 color =
      surface_color(middle, hit, ray(camera, x + 1, y).direction, ray(camera, x, y + 1).direction);
  const auto lit = [&](double dx, double dy) {
    const Vec3 direction = ray(camera, x + dx, y + dy).direction;
    const double along = std::min(dot(direction, hit.normal), -1e-6);
    const double t = std::min(hit.t * dot(middle.direction, hit.normal) / along, 2 * hit.t);
    return light(middle.origin + t * direction, hit.normal, direction, m ? m->gloss : 0.0);
  };
  const Light a = lit(-0.25, -0.25), b = lit(0.25, 0.25);
  Vec3 diffuse = (a.diffuse + b.diffuse) / 2;
  double highlight = (a.highlight + b.highlight) / 2;
  if (a.shadows != b.shadows) {
    const Light c = lit(0.25, -0.25), d = lit(-0.25, 0.25);
    diffuse = (diffuse * 2 + c.diffuse + d.diffuse) / 4;
    highlight = (highlight * 2 + c.highlight + d.highlight) / 4;
  }
  return through_haze(color * diffuse + Vec3{1, 1, 1} * highlight, hit.t);
}

/// Averages 2x2 samples, for a pixel that a border passes.
Vec3 Renderer::Tracer::border_pixel(const Camera& camera, double x, double y) const {
  Vec3 sum{};
  for (const double dy : {-0.25, 0.25}) {
    for (const double dx : {-0.25, 0.25}) {
      const Ray r = ray(camera, x + dx, y + dy);
      const Hit hit = trace(r);
      const Material* m = material(hit);
      if (hit.solid == kNothing) {
        sum += sky_color(scene_, r.direction);
      } else if (m && m->emission > 0) {
        sum += through_haze(m->colors[0] * m->emission, hit.t);
      } else {
        const Vec3 color = surface_color(r, hit, ray(camera, x + dx + 0.5, y + dy).direction,
                                         ray(camera, x + dx, y + dy + 0.5).direction);
        const Light l =
            light(r.origin + hit.t * r.direction, hit.normal, r.direction, m ? m->gloss : 0.0);
        sum += through_haze(color * l.diffuse + Vec3{1, 1, 1} * l.highlight, hit.t);
      }
    }
  }
  return sum / 4;
}

Renderer::Renderer(const Scene& scene, double time)
    : tracer_(std::make_unique<const Tracer>(scene, time)) {}

Renderer::~Renderer() = default;

Renderer::Seen Renderer::look(const Ray& ray) const {
  const Hit hit = tracer_->trace(ray);
  return {hit.t, tracer_->entity(hit)};
}

Frame Renderer::render(const Camera& camera) const {
  const std::size_t pixels = static_cast<std::size_t>(camera.height * camera.width);
  Frame frame{camera.height,
              camera.width,
              std::vector<float>(3 * pixels),
              std::vector<float>(pixels),
              std::vector<float>(pixels),
              std::vector<std::int32_t>(pixels)};
  const Vec3 axis = -(camera.world_from_camera.rotation * Vec3{0, 0, 1});
  std::vector<Hit> hits(pixels);
  std::size_t i = 0;
  for (std::int64_t y = 0; y < camera.height; ++y) {
    for (std::int64_t x = 0; x < camera.width; ++x, ++i) {
      const Ray ray = tracer_->ray(camera, static_cast<double>(x), static_cast<double>(y));
      const Hit& hit = hits[i] = tracer_->trace(ray);
      frame.distance[i] = static_cast<float>(hit.t);
      frame.depth[i] = static_cast<float>(hit.t * dot(ray.direction, axis));
      frame.entity[i] = tracer_->entity(hit);
    }
  }
  i = 0;
  for (std::int64_t y = 0; y < camera.height; ++y) {
    for (std::int64_t x = 0; x < camera.width; ++x, ++i) {
      const auto same_at = [&](std::int64_t dx, std::int64_t dy) {
        const std::int64_t nx = x + dx, ny = y + dy;
        if (nx < 0 || ny < 0 || nx >= camera.width || ny >= camera.height) return false;
        return hits[static_cast<std::size_t>(ny * camera.width + nx)].same_surface(hits[i]);
      };
      const bool inner = same_at(-1, 0) && same_at(1, 0) && same_at(0, -1) && same_at(0, 1);
      const double px = static_cast<double>(x), py = static_cast<double>(y);
      const Vec3 color = inner ? tracer_->inner_pixel(camera, px, py, hits[i])
                               : tracer_->border_pixel(camera, px, py);
      for (int c = 0; c < 3; ++c) frame.radiance[3 * i + c] = static_cast<float>(color[c]);
    }
  }
  return frame;
}

}  // namespace vdd::scenes
