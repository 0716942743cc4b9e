// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <vector>

#include "vdd/io/image.h"

// Hypersim's tone mapping (ml-hypersim, scene_generate_images_tonemap.py): brightness 0.3 R + 0.59
// G + 0.11 B over the pixels that show something; exposure so that the 90 % quantile becomes 0.8;
// gamma 2.2. Theirs is per frame, which flickers; here the frames of a clip pool their brightness.
namespace vdd::data {

/// Distribution of brightness, 2048 steps an octave: a quantile is right to 5e-4 of its value,
/// which is a tenth of a grey level.
class Brightness {
 public:
  /// color_CHW: half, linear. ids_HW: int16 render_entity_id, -1 where nothing was hit; undefined:
  /// all pixels count.
  void measure(const at::Tensor& color_CHW, const at::Tensor& ids_HW);
  void add(const Brightness& other);
  /// Returns 0.8^2.2 / p90; 0 if p90 < 1e-4; 1 if no pixel counts.
  double exposure() const;
  /// Returns the quantile `q`, 0..1, by linear interpolation between ranks, as numpy.percentile;
  /// needs a pixel.
  double quantile(double q) const;
  bool black() const { return brightest_ <= 0; }

 private:
  std::vector<std::uint32_t> counts_;
  std::int64_t total_ = 0;
  float brightest_ = 0;  ///< over all pixels and channels
};

/// 8 bits = round(255 clip(max(exposure x, 0)^(1/2.2), 0, 1)), as the published previews, by a
/// table over all halves.
class ToneMap {
 public:
  explicit ToneMap(double exposure = 1);
  io::Image8 apply(const at::Tensor& color_CHW) const;

 private:
  std::vector<std::uint8_t> table_;
};

}  // namespace vdd::data
