// SPDX-License-Identifier: Apache-2.0
#include "vdd/io/pictures.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "color_byte.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"
#include "vdd/io/colormap.h"
#include "vdd/io/image.h"

namespace vdd::io {
namespace {

constexpr int kGap = 2;  // pixels between pictures

Color drawn(double value, const PictureRow& row) {
  if (row.kind == RowKind::kDifference && !std::isnan(value)) {  // black, red, yellow, white
    const double x = 3 * std::clamp(std::abs(value) / row.high, 0.0, 1.0);
    return {to_byte(x), to_byte(x - 1), to_byte(x - 2)};
  }
  return color_of((value - row.low) / (row.high - row.low));
}

/// Draws one frame of a row as 8-bit [H,W,3].
at::Tensor draw(const PictureRow& row, std::int64_t t) {
  const at::Tensor frame = row.frames[t].detach().to(at::kCPU, at::kDouble);
  if (row.kind == RowKind::kRgb) {
    const at::Tensor scaled = ((frame + 1) * 127.5).nan_to_num(kGrey).round().clamp(0, 255);
    return scaled.permute({1, 2, 0}).to(at::kByte).contiguous();
  }
  const at::Tensor values = frame.contiguous();
  at::Tensor out = at::empty({frame.size(0), frame.size(1), 3}, at::kByte);
  auto* pixel = out.mutable_data_ptr<std::uint8_t>();
  const double* value = values.const_data_ptr<double>();
  for (std::int64_t i = 0; i < values.numel(); ++i, pixel += 3) {
    const Color color = drawn(value[i], row);
    std::copy(color.begin(), color.end(), pixel);
  }
  return out;
}

struct Size {
  std::int64_t frames, height, width;
  bool operator==(const Size&) const = default;
};

Size size_of(const PictureRow& row) {
  const at::Tensor& x = row.frames;
  const bool rgb = row.kind == RowKind::kRgb;
  if (!x.defined() || !x.is_floating_point() || x.dim() != (rgb ? 4 : 3) ||
      (rgb && x.size(1) != 3) || x.numel() == 0) {
    throw ShapeError(concat("picture row '", escape(row.label), "': wanted floating ",
                            rgb ? "[T,3,H,W]" : "[T,H,W]", ", got ",
                            x.defined() ? concat(x.scalar_type(), ' ', x.sizes()) : "nothing"));
  }
  if (!(row.high > (row.kind == RowKind::kDifference ? 0 : row.low))) {
    throw ShapeError(concat("picture row '", escape(row.label), "': its range is empty: ", row.low,
                            " to ", row.high));
  }
  return {x.size(0), x.size(-2), x.size(-1)};
}

/// Where the labels end. They are drawn on strips of their own, so that nothing covers a picture.
int label_width(const std::vector<PictureRow>& rows, double scale) {
  int width = 0, baseline = 0;
  for (const PictureRow& row : rows) {
    if (row.label.empty()) continue;
    width = std::max(
        width, cv::getTextSize(row.label, cv::FONT_HERSHEY_SIMPLEX, scale, 1, &baseline).width + 8);
  }
  return width;
}

}  // namespace

void write_strip(const std::filesystem::path& png, const std::vector<PictureRow>& rows,
                 std::int64_t max_columns) {
  if (rows.empty() || max_columns < 1)
    throw ShapeError("pictures: wanted at least one row and one column");
  const Size size = size_of(rows.front());
  for (const PictureRow& row : rows) {
    const Size other = size_of(row);
    if (other != size) {
      throw ShapeError(concat("picture row '", escape(row.label), "': ", other.frames,
                              " frames of ", other.height, 'x', other.width, " beside ",
                              size.frames, " of ", size.height, 'x', size.width));
    }
  }

  const std::int64_t columns = std::min(max_columns, size.frames);
  const double scale = std::clamp(static_cast<double>(size.height) / 250, 0.35, 1.2);
  const int margin = label_width(rows, scale);
  const std::int64_t height = static_cast<std::int64_t>(rows.size()) * (size.height + kGap) - kGap;
  const std::int64_t width = margin + columns * (size.width + kGap) - kGap;
  Image8 sheet(static_cast<int>(height), static_cast<int>(width), 3);
  std::fill_n(sheet.pixels.get(), sheet.size(), std::uint8_t{255});
  const at::Tensor canvas = at::from_blob(sheet.pixels.get(), {height, width, 3}, at::kByte);
  cv::Mat letters(sheet.height, sheet.width, CV_8UC3, sheet.pixels.get());

  for (std::size_t r = 0; r < rows.size(); ++r) {
    const std::int64_t top = static_cast<std::int64_t>(r) * (size.height + kGap);
    for (std::int64_t c = 0; c < columns; ++c) {
      const std::int64_t t = columns == 1 ? 0 : c * (size.frames - 1) / (columns - 1);
      canvas.narrow(0, top, size.height)
          .narrow(1, margin + c * (size.width + kGap), size.width)
          .copy_(draw(rows[r], t));
    }
    if (!rows[r].label.empty()) {
      const cv::Point at(4, static_cast<int>(top + size.height / 2 + 5));
      cv::putText(letters, rows[r].label, at, cv::FONT_HERSHEY_SIMPLEX, scale, {0, 0, 0}, 1,
                  cv::LINE_AA);
    }
  }
  write_png(png, sheet);
}

}  // namespace vdd::io
