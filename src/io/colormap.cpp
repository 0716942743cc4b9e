// SPDX-License-Identifier: Apache-2.0
#include "vdd/io/colormap.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>
#include <string>
#include <utility>
#include <vector>

#include "color_byte.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::io {
namespace {

/// A polynomial of degree 5 in each channel; Mikhailov and Prajapati, 2019.
Color turbo(double x) {
  constexpr double kCoefficients[3][6] = {
      {0.13572138, 4.61539260, -42.66032258, 132.13108234, -152.94239396, 59.28637943},
      {0.09140261, 2.19418839, 4.84296658, -14.18503333, 4.27729857, 2.82956604},
      {0.10667330, 12.64194608, -60.58204836, 110.36276771, -89.90310912, 27.34824973}};
  Color color{};
  for (int c = 0; c < 3; ++c) {
    double sum = 0;
    for (int power = 5; power >= 0; --power) sum = sum * x + kCoefficients[c][power];
    color[c] = to_byte(sum);
  }
  return color;
}

/// The eleven colours of ColorBrewer's diverging scheme, blue first, straight lines between them.
Color spectral(double x) {
  constexpr Color kAnchors[] = {{94, 79, 162},   {50, 136, 189},  {102, 194, 165}, {171, 221, 164},
                                {230, 245, 152}, {255, 255, 191}, {254, 224, 139}, {253, 174, 97},
                                {244, 109, 67},  {213, 62, 79},   {158, 1, 66}};
  const int below = std::min(static_cast<int>(10 * x), 9);
  const double part = 10 * x - below;
  Color color{};
  for (int c = 0; c < 3; ++c) {
    color[c] = to_byte(((1 - part) * kAnchors[below][c] + part * kAnchors[below + 1][c]) / 255);
  }
  return color;
}

using Table = std::array<Color, 256>;

Table opencv_table(int map) {
  cv::Mat ramp(1, 256, CV_8UC1), bgr;
  for (int i = 0; i < 256; ++i) ramp.at<std::uint8_t>(0, i) = static_cast<std::uint8_t>(i);
  cv::applyColorMap(ramp, bgr, map);
  Table table;
  for (int i = 0; i < 256; ++i) {
    const auto color = bgr.at<cv::Vec3b>(0, i);
    table[i] = {color[2], color[1], color[0]};
  }
  return table;
}

Color from_table(double x, const Table& table) {
  return table[to_byte(x)];
}

}  // namespace

Color color_of(double value, Colormap map) {
  if (std::isnan(value)) return {kGrey, kGrey, kGrey};
  const double x = std::clamp(value, 0.0, 1.0);
  static const Table inferno = opencv_table(cv::COLORMAP_INFERNO),
                     viridis = opencv_table(cv::COLORMAP_VIRIDIS),
                     magma = opencv_table(cv::COLORMAP_MAGMA);
  switch (map) {
    case Colormap::kTurbo:
      return turbo(x);
    case Colormap::kSpectral:
      return spectral(x);
    case Colormap::kInferno:
      return from_table(x, inferno);
    case Colormap::kViridis:
      return from_table(x, viridis);
    case Colormap::kGray:
      return {to_byte(x), to_byte(x), to_byte(x)};
    case Colormap::kMagma:
      return from_table(x, magma);
  }
  return {};
}

at::Tensor colorize(const at::Tensor& disparity_THW, double low, double high, Colormap map) {
  if (!disparity_THW.defined() || !disparity_THW.is_floating_point() || disparity_THW.dim() != 3)
    throw ShapeError("colours: wanted disparity as floating [T,H,W]");
  if (!(high > low)) throw ShapeError(concat("colours: empty range, ", low, " to ", high));
  const at::Tensor values = disparity_THW.detach().to(at::kCPU, at::kDouble).contiguous();
  at::Tensor out = at::empty({values.size(0), values.size(1), values.size(2), 3}, at::kByte);
  auto* pixel = out.mutable_data_ptr<std::uint8_t>();
  const double* value = values.const_data_ptr<double>();
  for (std::int64_t i = 0; i < values.numel(); ++i, pixel += 3) {
    const Color color = color_of((value[i] - low) / (high - low), map);
    std::copy(color.begin(), color.end(), pixel);
  }
  return out;
}

}  // namespace vdd::io
