// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

// Pictures for people: one PNG, a row per kind of image, a column per frame.
// Legend: T frames, H W pixels.
namespace vdd::io {

enum class RowKind {
  kRgb,         ///< [T,3,H,W], -1..1
  kDisparity,   ///< [T,H,W], drawn by color_of
  kDifference,  ///< [T,H,W], any sign: its size, dark = 0
};

struct PictureRow {
  std::string label;  ///< short ASCII, drawn at the left
  RowKind kind = RowKind::kDisparity;
  at::Tensor frames;  ///< of any floating type and device
  double low = 0.0;   ///< disparity that is drawn in the darkest colour
  double high = 1.0;  ///< disparity drawn in the brightest one; differences use 0..high
};

/// Writes a strip with up to `max_columns` frames, evenly spaced, first and last included. The rows
/// must agree in T, H and W. Throws ShapeError if they do not, ResourceError if the file cannot be
/// written.
void write_strip(const std::filesystem::path& png, const std::vector<PictureRow>& rows,
                 std::int64_t max_columns = 8);

}  // namespace vdd::io
