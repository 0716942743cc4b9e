// SPDX-License-Identifier: Apache-2.0
#include "resample.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace vdd::data {
namespace {

// One version of each loop for processors with AVX2 and one for all others, chosen when the program
// starts.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__SANITIZE_ADDRESS__)
#define VDD_VECTORIZED __attribute__((target_clones("arch=haswell", "default")))
#else
#define VDD_VECTORIZED
#endif

/// Which stored samples make each output sample: `count` of them from first[i] on, with weights
/// that sum to 1.
struct Taps {
  int count = 1;
  std::vector<int> first = {};
  std::vector<float> weights = {};  // count for each output; 0 for those that it does not need

  const float* of(int i) const { return weights.data() + static_cast<std::ptrdiff_t>(i) * count; }
  int begin() const { return *std::min_element(first.begin(), first.end()); }
  int end() const { return *std::max_element(first.begin(), first.end()) + count; }
};

/// Makes the taps of an area mean where `scale` < 1, else of bilinear interpolation.
Taps make_taps(int in, int out, double scale, int offset) {
  Taps taps{.count = std::min(in, scale < 1 ? static_cast<int>(std::ceil(1 / scale)) + 1 : 2)};
  for (int i = 0; i < out; ++i) {
    // The stored interval of an output sample; for enlarging, the weights of a tent instead.
    const double begin = (i + offset) / scale,
                 end = std::min((i + offset + 1) / scale, static_cast<double>(in));
    const double at = std::clamp((i + offset + 0.5) / scale - 0.5, 0.0, in - 1.0);
    // A sliver that only rounding made is no tap.
    const int wanted = static_cast<int>(scale < 1 ? begin + 1e-6 : at);
    const int first = std::clamp(wanted, 0, in - taps.count);
    taps.first.push_back(first);
    for (int k = first; k < first + taps.count; ++k) {
      const double share = std::min(end, k + 1.0) - std::max(begin, static_cast<double>(k));
      const double weight = scale < 1 ? share / (end - begin) : 1 - std::abs(k - at);
      taps.weights.push_back(weight > 1e-6 ? static_cast<float>(weight) : 0);
    }
  }
  return taps;
}

VDD_VECTORIZED void set_weighted(const std::uint8_t* in, float weight, float* out, int n) {
  for (int i = 0; i < n; ++i) out[i] = weight * static_cast<float>(in[i]);
}

VDD_VECTORIZED void add_weighted(const std::uint8_t* in, float weight, float* out, int n) {
  for (int i = 0; i < n; ++i) out[i] += weight * static_cast<float>(in[i]);
}

/// Reduces one interleaved RGB row of floats into three planes, mirrored or not. The row has one
/// float to spare at its end: a pixel is read as four.
void reduce_row(const float* row, const Taps& columns, int first_column, bool mirrored, float* red,
                float* green, float* blue) {
  using Four = float __attribute__((vector_size(16)));
  constexpr float gain = 1 / 127.5f;
  const int width = static_cast<int>(columns.first.size());
  for (int x = 0; x < width; ++x) {
    const float* in = row + 3 * (columns.first[static_cast<std::size_t>(x)] - first_column);
    const float* weights = columns.of(x);
    Four sum{};
    for (int k = 0; k < columns.count; ++k, in += 3) {
      Four pixel;
      std::memcpy(&pixel, in, sizeof pixel);
      sum += pixel * weights[k];
    }
    sum = sum * gain - 1;
    const int to = mirrored ? width - 1 - x : x;
    red[to] = sum[0];
    green[to] = sum[1];
    blue[to] = sum[2];
  }
}

Taps row_taps(const Geometry& g) {
  return make_taps(g.in_height, g.out_height, g.scale_y, g.top);
}
Taps column_taps(const Geometry& g) {
  return make_taps(g.in_width, g.out_width, g.scale_x, g.left);
}

std::vector<int> nearest(int in, int out, double scale, int offset) {
  std::vector<int> all(static_cast<std::size_t>(out));
  for (int i = 0; i < out; ++i) {
    all[static_cast<std::size_t>(i)] =
        std::clamp(static_cast<int>(std::floor((i + offset + 0.5) / scale)), 0, in - 1);
  }
  return all;
}

}  // namespace

Geometry make_geometry(int in_height, int in_width, const DataConfig& config,
                       const ClipPlan& plan) {
  Geometry g{.in_height = in_height,
             .in_width = in_width,
             .out_height = static_cast<int>(config.height),
             .out_width = static_cast<int>(config.width),
             .scale_x = static_cast<double>(config.width) / in_width,
             .scale_y = static_cast<double>(config.height) / in_height,
             .mirrored = plan.flipped};
  if (config.fit == ClipFit::kStretch) return g;
  g.scale_x = g.scale_y = std::max(g.scale_x, g.scale_y);
  const auto cut = [](double scaled, int out, double place) {
    const int room = std::max(0, static_cast<int>(std::floor(scaled + 1e-6)) - out);
    return std::min(room, static_cast<int>(std::floor(place * (room + 1))));
  };
  g.left = cut(in_width * g.scale_x, g.out_width, plan.crop_x);
  g.top = cut(in_height * g.scale_y, g.out_height, plan.crop_y);
  return g;
}

std::vector<int> nearest_columns(const Geometry& g) {
  auto columns = nearest(g.in_width, g.out_width, g.scale_x, g.left);
  if (g.mirrored) std::reverse(columns.begin(), columns.end());
  return columns;
}

std::vector<int> nearest_rows(const Geometry& g) {
  return nearest(g.in_height, g.out_height, g.scale_y, g.top);
}

Window stored_window(const Geometry& g) {
  const Taps rows = row_taps(g), columns = column_taps(g);
  return {rows.begin(), rows.end(), columns.begin(), columns.end()};
}

void resize_rgb(const io::Image8& part, const Geometry& g, float* planes, int part_top,
                int part_left) {
  const Taps rows = row_taps(g), columns = column_taps(g);
  const int first_column = columns.begin(), width = 3 * (columns.end() - first_column);
  thread_local std::vector<float> line;
  line.resize(static_cast<std::size_t>(width) + 1);
  const std::ptrdiff_t plane = static_cast<std::ptrdiff_t>(g.out_height) * g.out_width;
  for (int y = 0; y < g.out_height; ++y) {
    const float* weights = rows.of(y);
    for (int k = 0; k < rows.count; ++k) {
      const auto* stored = part.row(rows.first[static_cast<std::size_t>(y)] + k - part_top) +
                           3 * (first_column - part_left);
      if (k == 0) {
        set_weighted(stored, weights[k], line.data(), width);
      } else if (weights[k] != 0) {
        add_weighted(stored, weights[k], line.data(), width);
      }
    }
    float* out = planes + static_cast<std::ptrdiff_t>(y) * g.out_width;
    reduce_row(line.data(), columns, first_column, g.mirrored, out, out + plane, out + 2 * plane);
  }
}

void transform_intrinsics(const Geometry& g, const double* intrinsics, double* out) {
  // x' = (x + 1/2) scale - 1/2 - offset, then perhaps out_width - 1 - x'.
  double a = g.scale_x, c = 0.5 * g.scale_x - 0.5 - g.left;
  if (g.mirrored) a = -a, c = g.out_width - 1 - c;
  const double b = g.scale_y, d = 0.5 * g.scale_y - 0.5 - g.top;
  // The mirrored camera's x axis points the other way too, so that fx stays positive.
  const double axis[3] = {g.mirrored ? -1.0 : 1.0, 1, 1};
  for (int k = 0; k < 3; ++k) {
    const double x = intrinsics[k], y = intrinsics[3 + k], w = intrinsics[6 + k];
    out[k] = (a * x + c * w) * axis[k];
    out[3 + k] = (b * y + d * w) * axis[k];
    out[6 + k] = w * axis[k];
  }
}

void transform_pose(const Geometry& g, const double* pose, double* out) {
  for (int i = 0; i < 4; ++i) {
    for (int k = 0; k < 4; ++k) {
      const bool turns = g.mirrored && ((i == 0) != (k == 0));
      out[4 * i + k] = turns ? -pose[4 * i + k] : pose[4 * i + k];
    }
  }
}

}  // namespace vdd::data
