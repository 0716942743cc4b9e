// SPDX-License-Identifier: Apache-2.0
// Legend: T frames, C channels, h w pixels of a feature map.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "vdd/core/enum_names.h"

// How alike two networks find the places of a picture, whatever their channels.
namespace vdd::losses {

/// Averages over cells of a grid, of unequal size where it does not divide the map (adaptive
/// average pooling). Differentiable.
at::Tensor pool_features(const at::Tensor& features_TChw, std::int64_t height, std::int64_t width);

/// What the sum over pairs of positions is divided by: their number, or its square.
enum class AffinityNorm { kHw, kHw2 };
constexpr auto names(AffinityNorm) {
  return enum_names<AffinityNorm>({{AffinityNorm::kHw, "hw"}, {AffinityNorm::kHw2, "hw2"}});
}

/// Two ways to the same number; kAuto is the one with fewer operations.
enum class AffinityForm { kAuto, kPairwise, kGram };

/// Tells whether the Gram form takes fewer operations: of n positions with cs and ct channels, n
/// (cs^2 + ct^2 + cs ct) against n^2 (cs + ct).
bool gram_is_cheaper(std::int64_t positions, std::int64_t student_channels,
                     std::int64_t teacher_channels);

/// Computes per frame the sum over all pairs of positions of the squared difference of their cosine
/// similarities in the two maps, divided by h w (kHw) or its square (kHw2), and returns the
/// mean over the frames. A position whose features are shorter than 1e-6 is similar to nothing,
/// itself included, and gets no gradient, which would be enormous. The teacher gets none. Computed
/// in float32 at least, autocast or not. Throws ShapeError. Sources: Liu et al. 2019
/// (structured knowledge distillation), Li et al. 2022 (LiteDepth), which divide by (h w)^2.
at::Tensor affinity_loss(const at::Tensor& student_TChw, const at::Tensor& teacher_TChw,
                         AffinityNorm norm = AffinityNorm::kHw,
                         AffinityForm form = AffinityForm::kAuto);

}  // namespace vdd::losses
