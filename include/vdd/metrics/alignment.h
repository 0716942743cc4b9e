// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "vdd/core/enum_names.h"
#include "vdd/core/field_checks.h"

// From a predicted, affine-invariant disparity to metres, as DepthCrafter's benchmark does it.
// Legend: T frames, h w predicted size, H W ground-truth size, G fits (1, or T with scope "frame").
// Tensors may be of any floating type; all arithmetic and all results are double, on the CPU.
namespace vdd::metrics {

/// What maps a prediction to the true disparity.
enum class FitKind { kScaleShift, kScale, kMedian, kNone };
constexpr auto names(FitKind) {
  return enum_names<FitKind>({{FitKind::kScaleShift, "scale_shift"},
                              {FitKind::kScale, "scale"},
                              {FitKind::kMedian, "median"},
                              {FitKind::kNone, "none"}});
}

/// What one fit is made for.
enum class FitScope { kClip, kFrame };
constexpr auto names(FitScope) {
  return enum_names<FitScope>({{FitScope::kClip, "clip"}, {FitScope::kFrame, "frame"}});
}

struct AlignmentConfig {
  double min_depth = 1e-3;
  double max_depth = 80.0;
  double floor = 1e-3;
  FitKind fit = FitKind::kScaleShift;
  FitScope scope = FitScope::kClip;

  constexpr void fields(auto& f) {
    f("min_depth", min_depth, "ground truth counts above this depth, in metres", non_negative);
    f("max_depth", max_depth,
      "ground truth counts below this depth, in metres; predictions are clipped to it", positive);
    f("floor", floor, "smallest disparity before and after the fit, in 1/m", positive);
    f("fit", fit, "what maps the prediction to the true disparity");
    f("scope", scope, "one fit for the whole clip, or one for each frame");
  }
};

struct Aligned {
  at::Tensor depth_THW;       ///< metres, in [floor, max_depth]
  at::Tensor valid_THW;       ///< bool, pixels that count
  at::Tensor scale_shift_G2;  ///< what maps the prediction to 1/depth
};

/// 1. Bilinear resize of the prediction to the ground truth's size;
/// 2. valid = min_depth < gt < max_depth (and `mask_THW`, if it is defined);
/// 3. prediction raised to `floor`;
/// 4. least squares of s p + t against 1/(gt + 1e-8) over all valid pixels;
/// 5. depth = 1 / max(s p + t, floor), clipped to [floor, max_depth].
/// A prediction without two distinct values gives s = 0 and t = mean(1/gt); no valid pixel gives s
/// = 1 and t = 0. A negative s is not rejected, as in the original. Invalid ground truth may hold
/// any number, NaN included. Throws ShapeError on sizes or types that do not fit, NonFiniteError if
/// a prediction is NaN or infinite. Source: DepthCrafter benchmark/eval/eval.py.
Aligned align_disparity(const at::Tensor& disparity_Thw, const at::Tensor& depth_THW,
                        const AlignmentConfig& config = {}, const at::Tensor& mask_THW = {});

/// Aligns by the single-image protocol: s p + t fitted to depth itself, then clipped to [min_depth,
/// max_depth]. Uses min_depth, max_depth and scope of the config. Throws as align_disparity() does.
/// Source: Marigold script/depth/eval.py.
Aligned align_depth(const at::Tensor& prediction_Thw, const at::Tensor& depth_THW,
                    const AlignmentConfig& config = {}, const at::Tensor& mask_THW = {});

/// Resizes bilinearly, with half-pixel centres and without antialiasing (cv2 INTER_LINEAR on
/// floats); `align_corners` as in PyTorch. x: [...,h,w] with at least two dimensions. Returns
/// double [...,H,W].
at::Tensor resize_bilinear(const at::Tensor& x, std::int64_t height, std::int64_t width,
                           bool align_corners = false);

struct NormalizeConfig {
  double low = 0.0;   ///< quantile that becomes 0; linear interpolation between values
  double high = 1.0;  ///< quantile that becomes 1
  bool clip = true;
};

/// Maps a whole clip to [0,1] from its quantiles over `mask` (all if undefined). A clip that is
/// constant or has no valid pixel becomes zeros. x: any shape. Returns double of the same shape.
/// Throws NonFiniteError on NaN or infinity where it counts.
at::Tensor normalize_clip(const at::Tensor& x, const at::Tensor& mask = {},
                          const NormalizeConfig& config = {});

}  // namespace vdd::metrics
