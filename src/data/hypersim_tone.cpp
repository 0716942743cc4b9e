// SPDX-License-Identifier: Apache-2.0
#include "hypersim_tone.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "vdd/io/half.h"

namespace vdd::data {
namespace {

// Bins are the upper bits of a float from 2^-14 (below 1e-4, where the exposure is 0 anyway) to
// 2^18 (above any half).
constexpr int kShift = 23 - 11;
constexpr std::uint32_t kLowest = (127u - 14) << 11, kHighest = (127u + 18) << 11;
constexpr std::size_t kBins = kHighest - kLowest + 1;  // the first holds all that is below

std::size_t bin_of(float value) {
  if (!(value > 0)) return 0;
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value) >> kShift;
  return std::clamp(bits, kLowest, kHighest) - kLowest;
}

double lower_edge(std::size_t bin) {
  return bin == 0 ? 0 : std::bit_cast<float>((static_cast<std::uint32_t>(bin) + kLowest) << kShift);
}

}  // namespace

void Brightness::measure(const at::Tensor& color_CHW, const at::Tensor& ids_HW) {
  counts_.resize(kBins);
  const auto height = color_CHW.size(1), width = color_CHW.size(2);
  const auto* halves = static_cast<const std::uint16_t*>(color_CHW.data_ptr());
  const std::int16_t* ids = ids_HW.defined() ? ids_HW.const_data_ptr<std::int16_t>() : nullptr;
  const auto n = static_cast<std::size_t>(width);
  std::vector<float> r(n), g(n), b(n);
  for (std::int64_t y = 0; y < height; ++y, halves += width) {
    io::floats_from_halves(halves, r.data(), n);
    io::floats_from_halves(halves + height * width, g.data(), n);
    io::floats_from_halves(halves + 2 * height * width, b.data(), n);
    for (std::size_t x = 0; x < n; ++x) {
      brightest_ = std::max(brightest_, std::max(r[x], std::max(g[x], b[x])));
      r[x] = 0.3f * r[x] + 0.59f * g[x] + 0.11f * b[x];
    }
    for (std::size_t x = 0; x < n; ++x) {
      if (ids != nullptr && ids[x] == -1) continue;
      ++counts_[bin_of(r[x])];
      ++total_;
    }
    if (ids != nullptr) ids += width;
  }
}

void Brightness::add(const Brightness& other) {
  counts_.resize(kBins);
  for (std::size_t i = 0; i < other.counts_.size(); ++i) counts_[i] += other.counts_[i];
  total_ += other.total_;
  brightest_ = std::max(brightest_, other.brightest_);
}

double Brightness::quantile(double q) const {
  const double rank = q * static_cast<double>(total_ - 1);
  double below = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    if (counts_[i] > 0 && below + counts_[i] > rank) {
      // The values of a bin are taken as evenly spread over it.
      const double part = (rank - below + 0.5) / counts_[i];
      return lower_edge(i) + (lower_edge(i + 1) - lower_edge(i)) * std::min(part, 1.0);
    }
    below += counts_[i];
  }
  return 0;
}

double Brightness::exposure() const {
  if (total_ == 0) return 1;
  const double p90 = quantile(0.9);
  return p90 < 1e-4 ? 0 : std::pow(0.8, 2.2) / p90;
}

ToneMap::ToneMap(double exposure) : table_(65536) {
  for (std::uint32_t i = 0; i < 65536; ++i) {
    const auto half = static_cast<std::uint16_t>(i);
    float value = 0;
    io::floats_from_halves(&half, &value, 1);
    const double light = exposure * static_cast<double>(value);
    const double grey = light > 0 ? std::min(std::pow(light, 1 / 2.2), 1.0) : 0;  // 0 for NaN too
    table_[i] = static_cast<std::uint8_t>(std::lround(255 * grey));
  }
}

io::Image8 ToneMap::apply(const at::Tensor& color_CHW) const {
  const auto height = color_CHW.size(1), width = color_CHW.size(2), plane = height * width;
  io::Image8 image(static_cast<int>(height), static_cast<int>(width), 3);
  const auto* in = static_cast<const std::uint16_t*>(color_CHW.data_ptr());
  std::uint8_t* out = image.pixels.get();
  for (std::int64_t i = 0; i < plane; ++i, out += 3) {
    out[0] = table_[in[i]];
    out[1] = table_[in[i + plane]];
    out[2] = table_[in[i + 2 * plane]];
  }
  return image;
}

}  // namespace vdd::data
