// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "vdd/core/field_checks.h"

// Sharpness of depth edges, as Depth Pro measures it: between neighbours there is an edge where the
// ratio of their inverse depths passes a threshold.
// Legend: T frames, H W pixels, N thresholds.
namespace vdd::metrics {

struct BoundaryConfig {
  double smallest = 1.05, largest = 1.25;
  std::int64_t thresholds = 10;

  constexpr void fields(auto& f) {
    f("smallest", smallest, "smallest ratio of inverse depths that is an edge", positive);
    f("largest", largest, "largest such ratio", positive);
    f("thresholds", thresholds, "evenly spaced ratios, weighted by their value", in_range(1, 1000));
  }
};

/// Each number is the mean over frames of the mean over thresholds, weighted by the threshold.
struct BoundaryScores {
  double f1 = 0;
  double precision = 0;                ///< share of the predicted edges that are true
  double recall = 0;                   ///< share of the true edges that are predicted
  std::vector<double> f1_per_frame{};  ///< T
};

/// Scores four edge maps (neighbour to the left, above, right, below is farther); precision and
/// recall are means over the four, F1 their harmonic mean at each threshold, 0 without any edge. No
/// mask and no thinning, so truth must be dense: an invalid pixel is an edge. Does not depend on
/// the scale of either depth, but on a shift. depth_THW, truth_THW: floating, computed in double on
/// the CPU; what is below 1e-6 counts as 1e-6. Throws ShapeError, NonFiniteError for NaN or
/// infinity, and ConfigError for thresholds that do not grow. Source: Depth Pro
/// eval/boundary_metrics.py.
BoundaryScores score_boundaries(const at::Tensor& depth_THW, const at::Tensor& truth_THW,
                                const BoundaryConfig& config = {});

/// Computes recall against a matte or mask, for data without depth: true edges are where `alpha_HW`
/// passes 0.1, predicted ones are thinned to the strongest of each run. Throws as
/// score_boundaries() does.
double boundary_recall(const at::Tensor& depth_HW, const at::Tensor& alpha_HW,
                       const BoundaryConfig& config = {});

}  // namespace vdd::metrics
