// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/torch.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "data/make_scenes.h"
#include "vdd/core/text.h"
#include "vdd/io/image.h"
#include "vdd/io/numpy.h"
#include "vdd/io/video.h"

// Tiny evaluation sets in the published layouts: the camera of data/make_scenes.h in front of a
// plane, so that every point of every frame must lie on it. The green of a picture is 40 + frame.
namespace vdd::test {

namespace fs = std::filesystem;
using data::test::picture;
using data::test::Plane;
using data::test::pose_44;

constexpr int kFrames = 4, kHeight = 48, kWidth = 64;
constexpr int kHoles = 2;  // rows at the top without depth

inline torch::Tensor intrinsics(double f, double cx, double cy) {
  return torch::tensor({{f, 0.0, cx}, {0.0, f, cy}, {0.0, 0.0, 1.0}}, torch::kDouble);
}
/// Of the sets that leave the camera to the one who writes them.
inline torch::Tensor any_intrinsics() {
  return intrinsics(50, (kWidth - 1) / 2.0, (kHeight - 1) / 2.0);
}

inline torch::Tensor depth_HW(const torch::Tensor& intrinsics_33, const torch::Tensor& pose,
                              const Plane& plane = {}) {
  const auto rays =
      data::test::pixels_HW3(kHeight, kWidth).matmul(torch::linalg_inv(intrinsics_33).t());
  return data::test::plane_depth(rays / rays.slice(2, 2, 3), pose, plane).contiguous();
}

inline void write_depth(const fs::path& file, const torch::Tensor& metres_HW, double per_metre) {
  fs::create_directories(file.parent_path());
  io::Image16 stored(kHeight, kWidth, 1);
  for (std::size_t i = 0; i < stored.size(); ++i) {
    const double metres = metres_HW.const_data_ptr<double>()[i];
    stored.pixels[i] = static_cast<std::uint16_t>(std::lround(per_metre * metres));
  }
  std::fill_n(stored.pixels.get(), kHoles * kWidth, std::uint16_t{0});
  io::write_png(file, stored);
}

inline void write_picture(const fs::path& file, int frame, int height = kHeight,
                          int width = kWidth) {
  fs::create_directories(file.parent_path());
  const io::Image8 image = picture(frame, height, width);
  file.extension() == ".jpg" ? io::write_jpeg(file, image, 100) : io::write_png(file, image);
}

inline void write_matrix(const fs::path& file, const torch::Tensor& matrix) {
  fs::create_directories(file.parent_path());
  std::ofstream out(file);
  out.precision(15);
  for (std::int64_t i = 0; i < matrix.size(0); ++i) {
    for (std::int64_t k = 0; k < matrix.size(1); ++k)
      out << matrix[i][k].item<double>() << (k + 1 < matrix.size(1) ? ' ' : '\n');
  }
}

inline std::string digits(int number, std::size_t count) {
  const std::string text = std::to_string(number);
  return std::string(count - text.size(), '0') + text;
}

/// The first frame that has depth is number 5.
inline void write_kitti(const fs::path& root) {
  const std::string drive = "2011_09_26_drive_0002_sync";
  for (int i = 0; i < kFrames; ++i) {
    const std::string name = digits(5 + i, 10) + ".png";
    write_depth(
        root / "data_depth_annotated/val" / drive / "proj_depth/groundtruth/image_02" / name,
        depth_HW(any_intrinsics(), pose_44(i)), 256);
    write_picture(root / "raw_data/2011_09_26" / drive / "image_02/data" / name, i);
  }
}

/// Bonn's camera looks the other way.
constexpr Plane kBonnPlane{.normal = {0.1, -0.2, -1}, .offset = 4};

/// Turned about the marker's y by 0.1 i, in the form of groundtruth.txt: place and quaternion.
inline torch::Tensor bonn_pose(int i) {
  const double a = 0.1 * i;
  auto marker = torch::eye(4, torch::kDouble);
  marker[0][0] = std::cos(a), marker[0][2] = std::sin(a), marker[2][0] = -std::sin(a),
  marker[2][2] = std::cos(a);
  marker[0][3] = 0.3 * i;
  const auto ros = torch::tensor(
      {{-1., 0., 0., 0.}, {0., 0., 1., 0.}, {0., 1., 0., 0.}, {0., 0., 0., 1.}}, torch::kDouble);
  const auto mount = torch::tensor({{1.0157, .1828, -.2389, .0113},
                                    {.0009, -.8431, -.6413, -.0098},
                                    {-.3009, .6147, -.8085, .0111},
                                    {0., 0., 0., 1.}},
                                   torch::kDouble);
  return ros.matmul(marker).matmul(ros).matmul(mount);
}
/// The published ones, for pictures a tenth as large.
inline torch::Tensor bonn_intrinsics() {
  auto scaled = intrinsics(54.2822841, 31.5593520 + 0.05 - 0.5, 23.7756098 + 0.05 - 0.5);
  scaled[1][1] = 54.2576870;
  return scaled;
}

inline std::string stamp(int i, int milliseconds = 0) {
  return concat("1548266469.", digits(100 * i + milliseconds + 100, 3), "00");
}

inline void write_bonn(const fs::path& root) {
  const fs::path folder = root / "rgbd_bonn_dataset/rgbd_bonn_balloon2";
  fs::create_directories(folder);
  std::ofstream track(folder / "groundtruth.txt");
  track << "# time, place, quaternion\n";
  for (int i = 0; i < kFrames; ++i) {
    track << stamp(i, 1) << ' ' << 0.3 * i << " 0 0 0 " << std::sin(0.05 * i) << " 0 "
          << std::cos(0.05 * i) << '\n';
    write_picture(folder / "rgb" / (stamp(i) + ".png"), i);
    write_depth(folder / "depth" / (stamp(i, 3) + ".png"),
                depth_HW(bonn_intrinsics(), bonn_pose(i), kBonnPlane), 5000);
  }
}

/// The rows that others leave without depth are sky.
inline void write_sintel(const fs::path& root) {
  for (int i = 0; i < kFrames; ++i) {
    const std::string name = "frame_" + digits(i + 1, 4);
    write_picture(root / "training/clean/alley_2" / (name + ".png"), i);
    write_picture(root / "training/final/alley_2" / (name + ".png"), i + 100);
    for (const char* kind : {"depth", "camdata_left"})
      fs::create_directories(root / "training" / kind / "alley_2");
    std::ofstream depth(root / "training/depth/alley_2" / (name + ".dpt"), std::ios::binary),
        camera(root / "training/camdata_left/alley_2" / (name + ".cam"), std::ios::binary);
    const auto put = [](std::ofstream& out, const auto& value) {
      out.write(reinterpret_cast<const char*>(&value), sizeof value);
    };
    const auto put_all = [&](std::ofstream& out, const torch::Tensor& values) {
      const auto flat = values.contiguous();
      out.write(static_cast<const char*>(flat.const_data_ptr()),
                static_cast<std::streamsize>(flat.nbytes()));
    };
    put(depth, 202021.25f), put(depth, kWidth), put(depth, kHeight);
    auto metres = depth_HW(any_intrinsics(), pose_44(i)).to(torch::kFloat);
    metres.slice(0, 0, kHoles).fill_(1e5);
    put_all(depth, metres);
    put(camera, 202021.25f);
    put_all(camera, any_intrinsics());
    put_all(camera, torch::linalg_inv(pose_44(i)).slice(0, 0, 3));
  }
}

/// Colour is larger than depth.
inline void write_scannet(const fs::path& root) {
  const fs::path scene = root / "scans_test/scene0707_00";
  for (int i = 0; i < kFrames; ++i) {
    const std::string name = std::to_string(i);
    write_picture(scene / "color" / (name + ".jpg"), i, 2 * kHeight, 2 * kWidth);
    write_depth(scene / "depth" / (name + ".png"), depth_HW(any_intrinsics(), pose_44(i)), 1000);
    write_matrix(scene / "pose" / (name + ".txt"), pose_44(i));
  }
  auto intrinsics_44 = torch::eye(4, torch::kDouble);
  intrinsics_44.slice(0, 0, 3).slice(1, 0, 3).copy_(any_intrinsics());
  write_matrix(scene / "intrinsic/intrinsic_depth.txt", intrinsics_44);
}

inline void write_depthcrafter(const fs::path& root) {
  fs::create_directories(root / "csv");
  fs::create_directories(root / "datasets/sintel");
  std::ofstream(root / "csv/meta_sintel.csv")
      << "filepath_left,filepath_disparity\n"
         "sintel/alley_2_rgb_left.mp4,sintel/alley_2_disparity.npz\n";
  io::VideoWriter video(root / "datasets/sintel/alley_2_rgb_left.mp4", kHeight, kWidth, 15);
  std::vector<torch::Tensor> depths;
  for (int i = 0; i < kFrames; ++i) {
    video.write(picture(20 * i, kHeight, kWidth));  // more than compression loses
    depths.push_back(depth_HW(any_intrinsics(), pose_44(i)).unsqueeze(0));
    depths.back().slice(1, 0, kHoles).fill_(-1);
  }
  video.close();
  io::write_npz(root / "datasets/sintel/alley_2_disparity.npz", torch::stack(depths), "disparity");
}

/// Single images; the first has number 1.
inline void write_nyuv2(const fs::path& root) {
  fs::create_directories(root);
  std::ofstream list(root / "filename_list_test.txt");
  for (int i = 0; i < kFrames; ++i) {
    const std::string number = digits(i + 1, 4) + ".png", scene = "test/office_0005/";
    write_picture(root / concat(scene, "rgb_", number), i);
    write_depth(root / concat(scene, "filled_", number), depth_HW(any_intrinsics(), pose_44(i)),
                1000);
    write_depth(root / concat(scene, "depth_", number), 2 * depth_HW(any_intrinsics(), pose_44(i)),
                1000);
    list << scene << "rgb_" << number << ' ' << scene << "depth_" << number << ' ' << scene
         << "filled_" << number << '\n';
  }
}

}  // namespace vdd::test
