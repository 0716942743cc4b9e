// SPDX-License-Identifier: Apache-2.0
#include "vdd/metrics/crop.h"

#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::metrics {
namespace {

std::int64_t part(double fraction, std::int64_t side) {
  return static_cast<std::int64_t>(fraction * static_cast<double>(side));
}

/// What is left, perhaps more than there is.
Crop place(CropRule rule, std::int64_t h, std::int64_t w) {
  switch (rule) {
    case CropRule::kNone:
      break;
    case CropRule::kEven:
      return {0, h - h % 2, 0, w - w % 2};
    case CropRule::kNyuEigen:
      return {45, 471, 41, 601};
    case CropRule::kScannetBorder:
      return {8, h - 8, 11, w - 11};
    case CropRule::kKittiBenchmark:
      return {h - 352, h, (w - 1216) / 2, (w - 1216) / 2 + 1216};
    case CropRule::kKittiGarg:
      return {part(0.40810811, h), part(0.99189189, h), part(0.03594771, w), part(0.96405229, w)};
    case CropRule::kKittiEigen:
      return {part(0.3324324, h), part(0.91351351, h), part(0.0359477, w), part(0.96405229, w)};
  }
  return {0, h, 0, w};
}

}  // namespace

Crop crop_of(CropRule rule, std::int64_t height, std::int64_t width) {
  const Crop c = place(rule, height, width);
  if (c.row_begin < 0 || c.col_begin < 0 || c.row_end > height || c.col_end > width ||
      c.height() <= 0 || c.width() <= 0) {
    throw ShapeError(concat("crop ", to_name(rule), ": rows ", c.row_begin, " to ", c.row_end,
                            ", columns ", c.col_begin, " to ", c.col_end,
                            " do not lie in a picture of ", height, 'x', width));
  }
  return c;
}

}  // namespace vdd::metrics
