// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

// Legend: T frames, H W pixels. p predicted, g true depth in metres.
namespace vdd::metrics {

/// Means over the valid pixels of a frame, then over the frames that have any. All 0 if `frames` is
/// 0: leave such a clip out.
struct DepthScores {
  double abs_rel = 0;         ///< |p - g| / g
  double sq_rel = 0;          ///< (p - g)^2 / g, metres
  double rmse = 0;            ///< root of the frame's mean of (p - g)^2, metres
  double rmse_log = 0;        ///< root of the frame's mean of (ln p - ln g)^2
  double log10 = 0;           ///< |log10 p - log10 g|
  double delta1 = 0;          ///< share of max(p/g, g/p) < 1.25, strict
  double delta2 = 0;          ///< share of max(p/g, g/p) < 1.25^2
  double delta3 = 0;          ///< share of max(p/g, g/p) < 1.25^3
  double silog100 = 0;        ///< 100 times the standard deviation of ln p - ln g
  double abs_rel_pooled = 0;  ///< abs_rel over all valid pixels of the clip at once
  double delta1_pooled = 0;
  std::int64_t frames = 0;  ///< frames with at least one valid pixel
  std::int64_t pixels = 0;  ///< valid pixels

  /// Name and value of every mean, for logs: abs_rel, sq_rel, ..., delta1_pooled.
  std::vector<std::pair<std::string, double>> named() const;
};

/// depth_THW, truth_THW: floating, positive where valid_THW (bool) is set; computed in double on
/// the CPU. Throws ShapeError if the sizes differ, NonFiniteError if a valid pixel is NaN, infinite
/// or not positive. Source: DepthCrafter benchmark/eval/metric.py; delta in Eigen et al., arXiv
/// 1406.2283.
DepthScores score_depth(const at::Tensor& depth_THW, const at::Tensor& truth_THW,
                        const at::Tensor& valid_THW);

/// Averages over clips; clips without a scored frame are left out. `frames` and `pixels` are sums.
DepthScores mean_over_clips(std::span<const DepthScores> clips);

}  // namespace vdd::metrics
