// SPDX-License-Identifier: Apache-2.0
#include "resample.h"

#include <algorithm>
#include <cmath>

namespace vdd::data {
namespace {

// One version of each loop for processors with AVX2 and one for all others, chosen when the program
// starts.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__SANITIZE_ADDRESS__)
#define VDD_VECTORIZED __attribute__((target_clones("arch=haswell", "default")))
#else
#define VDD_VECTORIZED
#endif

/// The stored samples that make one output sample.
struct Taps {
  int first = 0;
  std::vector<float> weights;
};

/// Area mean where `scale` < 1, else bilinear. Weights sum to 1.
std::vector<Taps> make_taps(int in, int out, double scale, int offset) {
  std::vector<Taps> all(static_cast<std::size_t>(out));
  for (int i = 0; i < out; ++i) {
    auto& taps = all[static_cast<std::size_t>(i)];
    if (scale < 1) {
      const double begin = (i + offset) / scale;
      const double end = std::min((i + offset + 1) / scale, static_cast<double>(in));
      // A sliver that only rounding made is no tap.
      taps.first = std::clamp(static_cast<int>(std::floor(begin + 1e-6)), 0, in - 1);
      for (int k = taps.first; k < in && k < end - 1e-6; ++k) {
        const double share = std::min(end, k + 1.0) - std::max(begin, static_cast<double>(k));
        taps.weights.push_back(static_cast<float>(share / (end - begin)));
      }
    } else {
      const double at = std::clamp((i + offset + 0.5) / scale - 0.5, 0.0, in - 1.0);
      taps.first = static_cast<int>(at);
      const double right = at - taps.first;
      taps.weights.push_back(static_cast<float>(1 - right));
      if (right > 1e-6 && taps.first + 1 < in) taps.weights.push_back(static_cast<float>(right));
    }
  }
  return all;
}

VDD_VECTORIZED void set_weighted(const std::uint8_t* in, float weight, float* out, int n) {
  for (int i = 0; i < n; ++i) out[i] = weight * static_cast<float>(in[i]);
}

VDD_VECTORIZED void add_weighted(const std::uint8_t* in, float weight, float* out, int n) {
  for (int i = 0; i < n; ++i) out[i] += weight * static_cast<float>(in[i]);
}

/// Horizontal pass: one interleaved RGB row of floats into three planes. `step` is -1 for a
/// mirrored picture.
void reduce_row(const float* row, const std::vector<Taps>& columns, int first_column, float* red,
                float* green, float* blue, int step) {
  constexpr float gain = 1 / 127.5f;
  int to = step > 0 ? 0 : static_cast<int>(columns.size()) - 1;
  for (const auto& taps : columns) {
    const float* in = row + 3 * (taps.first - first_column);
    float r = 0, g = 0, b = 0;
    for (const float weight : taps.weights) {
      r += weight * in[0];
      g += weight * in[1];
      b += weight * in[2];
      in += 3;
    }
    red[to] = r * gain - 1;
    green[to] = g * gain - 1;
    blue[to] = b * gain - 1;
    to += step;
  }
}

std::vector<Taps> row_taps(const Geometry& g) {
  return make_taps(g.in_height, g.out_height, g.scale_y, g.top);
}
std::vector<Taps> column_taps(const Geometry& g) {
  return make_taps(g.in_width, g.out_width, g.scale_x, g.left);
}

int end_of(const Taps& taps) {
  return taps.first + static_cast<int>(taps.weights.size());
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
  if (config.fit == "stretch") return g;
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
  const auto rows = row_taps(g), columns = column_taps(g);
  return {rows.front().first, end_of(rows.back()), columns.front().first, end_of(columns.back())};
}

void resize_rgb(const io::Image8& part, const Geometry& g, float* planes, int part_top,
                int part_left) {
  const auto rows = row_taps(g), columns = column_taps(g);
  const int first_column = columns.front().first,
            width = 3 * (end_of(columns.back()) - first_column);
  thread_local std::vector<float> line;
  line.resize(static_cast<std::size_t>(width));
  const std::ptrdiff_t plane = static_cast<std::ptrdiff_t>(g.out_height) * g.out_width;
  for (int y = 0; y < g.out_height; ++y) {
    const auto& taps = rows[static_cast<std::size_t>(y)];
    const auto stored = [&](int k) {
      return part.row(taps.first + k - part_top) + 3 * (first_column - part_left);
    };
    set_weighted(stored(0), taps.weights[0], line.data(), width);
    for (int k = 1; k < static_cast<int>(taps.weights.size()); ++k) {
      add_weighted(stored(k), taps.weights[static_cast<std::size_t>(k)], line.data(), width);
    }
    float* out = planes + static_cast<std::ptrdiff_t>(y) * g.out_width;
    reduce_row(line.data(), columns, first_column, out, out + plane, out + 2 * plane,
               g.mirrored ? -1 : 1);
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
