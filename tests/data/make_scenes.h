// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/torch.h>

#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>

#include "vdd/io/hdf5.h"
#include "vdd/io/image.h"

// Tiny data sets in the published layouts whose depth is known in closed form: a camera that moves
// in front of the plane n . X = d. Colour is 40 + frame, red = column, so that a test sees which
// frame and pixel it got.
namespace vdd::data::test {

namespace fs = std::filesystem;

struct Plane {
  std::array<double, 3> normal = {0.1, -0.2, 1};
  double offset = 8;
};

/// Camera-to-world of frame i: a small turn about y, a step to the side.
inline torch::Tensor pose_44(std::int64_t i) {
  const double a = 0.05 * static_cast<double>(i);
  auto pose = torch::eye(4, torch::kDouble);
  pose[0][0] = std::cos(a), pose[0][2] = std::sin(a), pose[2][0] = -std::sin(a),
  pose[2][2] = std::cos(a);
  pose[0][3] = 0.1 * static_cast<double>(i), pose[1][3] = 0.02, pose[2][3] = -0.3;
  return pose;
}

/// Planar depth along camera rays [H,W,3] whose z is 1, from pose [4,4].
inline torch::Tensor plane_depth(const torch::Tensor& rays_HW3, const torch::Tensor& pose,
                                 const Plane& plane = {}) {
  const auto n = torch::tensor({plane.normal[0], plane.normal[1], plane.normal[2]}, torch::kDouble);
  const auto origin = pose.slice(0, 0, 3).select(1, 3);
  const auto directions = rays_HW3.matmul(pose.slice(0, 0, 3).slice(1, 0, 3).t());
  return (plane.offset - n.dot(origin)) / directions.matmul(n);
}

/// Pixel centres (x, y, 1) as [H,W,3].
inline torch::Tensor pixels_HW3(std::int64_t height, std::int64_t width) {
  const auto grid = torch::meshgrid(
      {torch::arange(height, torch::kDouble), torch::arange(width, torch::kDouble)}, "ij");
  return torch::stack({grid[1], grid[0], torch::ones_like(grid[0])}, -1);
}

inline io::Image8 picture(std::int64_t frame, int height, int width) {
  io::Image8 image(height, width, 3);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      image.row(y)[3 * x] = static_cast<std::uint8_t>(x);
      image.row(y)[3 * x + 1] = static_cast<std::uint8_t>(40 + frame);
      image.row(y)[3 * x + 2] = 128;
    }
  }
  return image;
}

struct VkittiSpec {
  std::string scene = "Scene02", variant = "clone";
  int frames = 12, height = 64, width = 128, cameras = 1;
  std::string rgb_tree = "", depth_tree = "", text_tree = "";
};

/// The top eight rows are sky.
inline void write_vkitti(const fs::path& root, const VkittiSpec& spec = {}) {
  const fs::path base = fs::path(spec.scene) / spec.variant;
  fs::create_directories(root / spec.text_tree / base);
  std::ofstream in(root / spec.text_tree / base / "intrinsic.txt"),
      ex(root / spec.text_tree / base / "extrinsic.txt");
  in << "frame cameraID K[0,0] K[1,1] K[0,2] K[1,2]\n";
  ex << "frame cameraID r1,1 r1,2 r1,3 t1 r2,1 r2,2 r2,3 t2 r3,1 r3,2 r3,3 t3 0 0 0 1\n";
  ex.precision(12);
  const double f = 75, cx = (spec.width - 1) / 2.0, cy = (spec.height - 1) / 2.0;
  auto rays = pixels_HW3(spec.height, spec.width);
  rays.select(2, 0).sub_(cx).div_(f);
  rays.select(2, 1).sub_(cy).div_(f);
  for (int i = 0; i < spec.frames; ++i) {
    for (int camera = 0; camera < spec.cameras; ++camera) {
      auto pose = pose_44(i);
      pose[0][3] += 0.5 * camera;
      in << i << ' ' << camera << ' ' << f << ' ' << f << ' ' << cx << ' ' << cy << '\n';
      const auto world_to_camera = torch::linalg_inv(pose).contiguous();
      ex << i << ' ' << camera;
      for (int k = 0; k < 16; ++k)
        ex << ' ' << (k < 12 ? world_to_camera.view(-1)[k].item<double>() : k == 15);
      ex << '\n';
      const std::string name = "Camera_" + std::to_string(camera);
      const fs::path rgb = root / spec.rgb_tree / base / "frames/rgb" / name,
                     depth = root / spec.depth_tree / base / "frames/depth" / name;
      fs::create_directories(rgb);
      fs::create_directories(depth);
      char number[32];
      std::snprintf(number, sizeof number, "%05d", i);
      io::write_jpeg(rgb / ("rgb_" + std::string(number) + ".jpg"),
                     picture(i, spec.height, spec.width), 100);
      const auto metres = plane_depth(rays, pose).contiguous();
      io::Image16 stored(spec.height, spec.width, 1);
      for (std::size_t k = 0; k < stored.size(); ++k) {
        stored.pixels[k] =
            static_cast<std::uint16_t>(std::lround(100 * metres.const_data_ptr<double>()[k]));
      }
      std::fill_n(stored.pixels.get(), 8 * spec.width, std::uint16_t{65535});
      io::write_png(depth / ("depth_" + std::string(number) + ".png"), stored);
    }
  }
}

struct HypersimSpec {
  std::string scene = "ai_001_001", camera = "cam_00";
  int frames = 12, height = 64, width = 96;
};

/// A tilted lens.
inline torch::Tensor lens_33() {
  return torch::tensor({{0.6, 0.0, -0.02}, {0.01, 0.4, 0.08}, {0.0, -0.08, -1.03}}, torch::kDouble);
}

/// The first four columns show nothing (NaN, id -1).
inline void write_hypersim(const fs::path& root, const HypersimSpec& spec = {}) {
  const fs::path scene = root / "scenes" / spec.scene, images = scene / "images",
                 detail = scene / "_detail" / spec.camera;
  const std::string prefix = "scene_" + spec.camera;
  for (const char* kind : {"_final_hdf5", "_geometry_hdf5", "_final_preview"})
    fs::create_directories(images / (prefix + kind));
  fs::create_directories(detail);
  const fs::path table = root / "metadata_camera_parameters.csv";
  const bool fresh = !fs::exists(table);
  std::ofstream cameras(table, std::ios::app);
  cameras.precision(12);
  if (fresh) {
    cameras << "scene_name,settings_units_info_meters_scale";
    for (int k = 0; k < 9; ++k) cameras << ",M_cam_from_uv_" << k / 3 << k % 3;
    cameras << '\n';
  }
  cameras << spec.scene << ",0.01";
  for (int k = 0; k < 9; ++k) cameras << ',' << lens_33().view(-1)[k].item<double>();
  cameras << '\n';

  // Rays in camera axes x right, y down, z forward.
  auto uv = pixels_HW3(spec.height, spec.width);
  uv.select(2, 0).add_(0.5).mul_(2.0 / spec.width).sub_(1);
  uv.select(2, 1).add_(0.5).mul_(-2.0 / spec.height).add_(1);
  const auto turn = torch::diag(torch::tensor({1.0, -1.0, -1.0}, torch::kDouble));
  auto rays = uv.matmul(lens_33().t()).matmul(turn);
  rays = rays / rays.slice(2, 2, 3);
  std::vector<torch::Tensor> orientations, positions;
  for (int i = 0; i < spec.frames; ++i) {
    const auto pose = pose_44(i);
    orientations.push_back(pose.slice(0, 0, 3).slice(1, 0, 3).matmul(turn));
    positions.push_back(pose.slice(0, 0, 3).select(1, 3) * 100);  // asset units of 1 cm
    auto distance = plane_depth(rays, pose) * rays.norm(2, {2});
    auto ids = torch::zeros({spec.height, spec.width}, torch::kShort);
    distance.slice(1, 0, 4).fill_(std::numeric_limits<double>::quiet_NaN());
    ids.slice(1, 0, 4).fill_(-1);
    auto color = torch::full({spec.height, spec.width, 3}, 0.1 * (i + 1));
    color.select(2, 0) += torch::arange(spec.width) * 0.01;
    char number[32];
    std::snprintf(number, sizeof number, "frame.%04d", i);
    const io::Hdf5Write flat{.chunks = {32, 40}, .deflate = 6},
        deep{.chunks = {32, 40, 1}, .deflate = 6};
    const auto file = [&](const char* kind, const char* what) {
      return images / (prefix + kind) / (std::string(number) + what);
    };
    io::write_hdf5(file("_geometry_hdf5", ".depth_meters.hdf5"), distance.to(torch::kHalf), flat);
    io::write_hdf5(file("_geometry_hdf5", ".render_entity_id.hdf5"), ids, flat);
    io::write_hdf5(file("_final_hdf5", ".color.hdf5"), color.to(torch::kHalf), deep);
    io::write_jpeg(file("_final_preview", ".tonemap.jpg"), picture(i, spec.height, spec.width),
                   100);
  }
  io::write_hdf5(detail / "camera_keyframe_orientations.hdf5", torch::stack(orientations));
  io::write_hdf5(detail / "camera_keyframe_positions.hdf5", torch::stack(positions));
}

}  // namespace vdd::data::test
