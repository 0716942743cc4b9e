// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "vdd/core/enum_names.h"

namespace vdd::metrics {

/// The crops that published evaluations use; kEven makes both sides even.
enum class CropRule {
  kNone,
  kEven,
  kNyuEigen,
  kScannetBorder,
  kKittiBenchmark,
  kKittiGarg,
  kKittiEigen,
};
constexpr auto names(CropRule) {
  return enum_names<CropRule>({{CropRule::kNone, "none"},
                               {CropRule::kEven, "even"},
                               {CropRule::kNyuEigen, "nyu_eigen"},
                               {CropRule::kScannetBorder, "scannet_border"},
                               {CropRule::kKittiBenchmark, "kitti_benchmark"},
                               {CropRule::kKittiGarg, "kitti_garg"},
                               {CropRule::kKittiEigen, "kitti_eigen"}});
}

/// Half-open ranges of rows and columns.
struct Crop {
  std::int64_t row_begin = 0, row_end = 0, col_begin = 0, col_end = 0;

  std::int64_t height() const { return row_end - row_begin; }
  std::int64_t width() const { return col_end - col_begin; }
  bool operator==(const Crop&) const = default;
};

/// Returns what a crop leaves of a picture. The KITTI ones of Garg and Eigen are fractions of the
/// picture given, so they come after kitti_benchmark, not before. Throws ShapeError if the picture
/// is too small.
Crop crop_of(CropRule rule, std::int64_t height, std::int64_t width);

}  // namespace vdd::metrics
