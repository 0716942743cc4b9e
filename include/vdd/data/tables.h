// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

// The text files of the data sets. All readers check every row and throw DataError naming the line.
namespace vdd::data {

using Matrix3 = std::array<double, 9>;   ///< row-major
using Matrix4 = std::array<double, 16>;  ///< row-major
/// (frame, camera)
using FrameKey = std::pair<std::int64_t, std::int64_t>;

/// Reads Virtual KITTI 2 intrinsic.txt: `frame cameraID K[0,0] K[1,1] K[0,2] K[1,2]`.
std::map<FrameKey, Matrix3> read_vkitti_intrinsics(const std::filesystem::path& path);
/// Reads Virtual KITTI 2 extrinsic.txt: `frame cameraID` and 16 numbers, WORLD-TO-CAMERA, as
/// stored.
std::map<FrameKey, Matrix4> read_vkitti_extrinsics(const std::filesystem::path& path);

/// One row of Hypersim's metadata_images_split_scene_v1.csv.
struct HypersimImage {
  bool released = false;
  std::string partition;  ///< train, val, test, or empty
};
/// Reads metadata_images_split_scene_v1.csv into rows by "scene/camera", then frame number.
std::map<std::string, std::map<std::int64_t, HypersimImage>> read_hypersim_split(
    const std::filesystem::path& path);

/// What Hypersim's metadata_camera_parameters.csv says of a scene.
struct HypersimCamera {
  double meters_per_asset_unit = 1;
  /// Camera ray (OpenGL axes: y up, looks along -z) of (u, v, 1), u and v in [-1, 1], u right, v
  /// up. Not diagonal for tilted lenses.
  Matrix3 camera_from_uv{};
};
std::map<std::string, HypersimCamera> read_hypersim_cameras(const std::filesystem::path& path);

}  // namespace vdd::data
