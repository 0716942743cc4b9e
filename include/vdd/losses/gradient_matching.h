// SPDX-License-Identifier: Apache-2.0
// Legend: T frames, H W pixels.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "vdd/core/enum_names.h"
#include "vdd/core/field_checks.h"

namespace vdd::losses {

/// Whose valid pixels the sum is divided by: the clip's, or each frame's.
enum class GradientReduction { kBatch, kImage };
constexpr auto names(GradientReduction) {
  return enum_names<GradientReduction>(
      {{GradientReduction::kBatch, "batch"}, {GradientReduction::kImage, "image"}});
}

struct GradientMatchingConfig {
  std::int64_t scales = 1;
  GradientReduction reduction = GradientReduction::kBatch;

  constexpr void fields(auto& f) {
    f("scales", scales,
      "number of scales; 1: all pixels; k: also every 2nd, 4th ... row and column, k maps in all",
      in_range(1, 16));
    f("reduction", reduction,
      "batch: sum divided by the valid pixels of the clip; image: by those of each frame, then "
      "averaged");
  }
};

/// Sum of the absolute horizontal and vertical forward differences of prediction - target between
/// pixels that are both in `mask_THW` (bool; undefined: all), divided by the number of pixels in
/// the mask, and summed over the scales. With "image" a frame without pixels counts as 0. Computed
/// in float32 at least, autocast or not. Throws ShapeError. Source: MegaDepth (Li and
/// Snavely 2018), with the scales of MiDaS.
at::Tensor gradient_matching_loss(const at::Tensor& prediction_THW, const at::Tensor& target_THW,
                                  const GradientMatchingConfig& config = {},
                                  const at::Tensor& mask_THW = {});

}  // namespace vdd::losses
