// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vdd::metrics {

/// Half-open ranges of rows and columns.
struct Crop {
  std::int64_t row_begin = 0, row_end = 0, col_begin = 0, col_end = 0;

  std::int64_t height() const { return row_end - row_begin; }
  std::int64_t width() const { return col_end - col_begin; }
  bool operator==(const Crop&) const = default;
};

/// Names of the crops that published evaluations use: none, even (both sides), nyu_eigen,
/// scannet_border, kitti_benchmark, kitti_garg, kitti_eigen.
const std::vector<std::string>& crop_names();

/// Returns what a crop leaves of a picture. The KITTI ones of Garg and Eigen are fractions of the
/// picture given, so they come after kitti_benchmark, not before. Throws ConfigError for an unknown
/// name, ShapeError if the picture is too small.
Crop crop_of(const std::string& name, std::int64_t height, std::int64_t width);

}  // namespace vdd::metrics
