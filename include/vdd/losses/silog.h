// SPDX-License-Identifier: Apache-2.0
// Legend: T frames, H W pixels.
#pragma once

#include <ATen/core/Tensor.h>

#include "vdd/core/enum_names.h"
#include "vdd/core/field_checks.h"

namespace vdd::losses {

/// What one loss is taken of.
enum class SilogScope { kClip, kFrame };
constexpr auto names(SilogScope) {
  return enum_names<SilogScope>({{SilogScope::kClip, "clip"}, {SilogScope::kFrame, "frame"}});
}

struct SilogConfig {
  double alpha = 10;
  double lambda = 0.85;
  double eps = 1e-3;
  SilogScope scope = SilogScope::kClip;
  bool unbiased = false;
  double min_target = 0;

  constexpr void fields(auto& f) {
    f("alpha", alpha, "factor of the loss", positive);
    f("lambda", lambda,
      "how far a constant factor of the disparity is ignored; 1: it costs nothing; 0: it costs as "
      "much as any other error",
      unit_interval);
    f("eps", eps,
      "added to both disparities before the logarithm, because the farthest point has disparity 0",
      positive);
    f("scope", scope,
      "clip: one loss over all frames, so that flicker of the scale costs too; frame: mean of one "
      "loss per frame");
    f("unbiased", unbiased, "divide the variance by the number of pixels minus 1");
    f("min_target", min_target, "smallest target disparity that counts", non_negative);
  }
};

/// Scale-invariant logarithmic loss of disparities: alpha sqrt(var(g) + (1 - lambda) mean(g)^2 +
/// 1e-12), g = log(prediction + eps) - log(target + eps), negative disparities counting as 0, on
/// the pixels of `mask_THW` (bool; undefined: all) whose target is at least min_target. 0 without
/// gradient if there are none. The root stays finite where student and teacher agree, with
/// gradient 0. Computed in float32 at least, autocast or not. Throws ShapeError.
/// Source: Eigen et al. 2014, with the factors of AdaBins (Bhat et al. 2021).
at::Tensor silog_loss(const at::Tensor& prediction_THW, const at::Tensor& target_THW,
                      const SilogConfig& config = {}, const at::Tensor& mask_THW = {});

}  // namespace vdd::losses
