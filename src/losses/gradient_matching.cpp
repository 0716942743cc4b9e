// SPDX-License-Identifier: Apache-2.0
#include "vdd/losses/gradient_matching.h"

#include "disparity_pair.h"

namespace vdd::losses {
namespace {

/// [T]: absolute differences along `dim` of neighbours that both count.
at::Tensor steps(const at::Tensor& residual_THW, const at::Tensor& mask_THW, std::int64_t dim) {
  const std::int64_t pairs = residual_THW.size(dim) - 1;
  at::Tensor size = residual_THW.diff(1, dim).abs();
  if (mask_THW.defined()) {
    size = size * (mask_THW.narrow(dim, 0, pairs) & mask_THW.narrow(dim, 1, pairs));
  }
  return size.sum({1, 2});
}

at::Tensor one_scale(const at::Tensor& residual_THW, const at::Tensor& mask_THW, bool per_image) {
  const at::Tensor steps_T = steps(residual_THW, mask_THW, 2) + steps(residual_THW, mask_THW, 1);
  const at::Tensor pixels_T =
      mask_THW.defined() ? mask_THW.sum({1, 2})
                         : at::full_like(steps_T, residual_THW.size(1) * residual_THW.size(2));
  if (per_image) return (steps_T / pixels_T.clamp_min(1)).mean();
  return steps_T.sum() / pixels_T.sum().clamp_min(1);
}

}  // namespace

at::Tensor gradient_matching_loss(const at::Tensor& prediction_THW, const at::Tensor& target_THW,
                                  const GradientMatchingConfig& config,
                                  const at::Tensor& mask_THW) {
  const NoAutocast float32;
  const DisparityPair pair("gradient matching", prediction_THW, target_THW, mask_THW);
  at::Tensor residual_THW = pair.prediction_THW - pair.target_THW;
  if (pair.mask_THW.defined()) residual_THW = residual_THW.masked_fill(~pair.mask_THW, 0);

  const auto every_second = [](const at::Tensor& x) {
    return x.slice(1, 0, {}, 2).slice(2, 0, {}, 2);
  };
  const bool per_image = config.reduction == GradientReduction::kImage;
  at::Tensor mask = pair.mask_THW;
  at::Tensor total = one_scale(residual_THW, mask, per_image);
  for (std::int64_t k = 1; k < config.scales; ++k) {
    residual_THW = every_second(residual_THW);
    if (mask.defined()) mask = every_second(mask);
    total = total + one_scale(residual_THW, mask, per_image);
  }
  return total;
}

}  // namespace vdd::losses
