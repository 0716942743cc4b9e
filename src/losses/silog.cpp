// SPDX-License-Identifier: Apache-2.0
#include "vdd/losses/silog.h"

#include <algorithm>
#include <vector>

#include "disparity_pair.h"

namespace vdd::losses {
namespace {

constexpr double kUnderRoot = 1e-12;

/// Computes the loss of pixels in any shape, at least one.
at::Tensor silog_of(const at::Tensor& prediction, const at::Tensor& target,
                    const SilogConfig& config) {
  const at::Tensor g =
      (prediction.clamp_min(0) + config.eps).log() - (target.clamp_min(0) + config.eps).log();
  const at::Tensor mean = g.mean();
  // Avoids mean(g^2) - lambda mean(g)^2, which cancels.
  const auto degrees = std::max<std::int64_t>(g.numel() - (config.unbiased ? 1 : 0), 1);
  const at::Tensor variance = (g - mean).square().sum() / static_cast<double>(degrees);
  return config.alpha * (variance + (1 - config.lambda) * mean.square() + kUnderRoot).sqrt();
}

}  // namespace

at::Tensor silog_loss(const at::Tensor& prediction_THW, const at::Tensor& target_THW,
                      const SilogConfig& config, const at::Tensor& mask_THW) {
  const NoAutocast float32;
  DisparityPair pair("SILog", prediction_THW, target_THW, mask_THW);
  if (config.min_target > 0) {
    const at::Tensor near_THW = pair.target_THW >= config.min_target;
    pair.mask_THW = pair.mask_THW.defined() ? pair.mask_THW & near_THW : near_THW;
  }
  std::vector<at::Tensor> losses;
  const auto add = [&](at::Tensor prediction, at::Tensor target, const at::Tensor& mask) {
    if (mask.defined()) {
      prediction = prediction.masked_select(mask);
      target = target.masked_select(mask);
    }
    if (prediction.numel() > 0) losses.push_back(silog_of(prediction, target, config));
  };
  if (config.scope == SilogScope::kClip) {
    add(pair.prediction_THW, pair.target_THW, pair.mask_THW);
  } else {
    for (std::int64_t t = 0; t < pair.prediction_THW.size(0); ++t) {
      add(pair.prediction_THW[t], pair.target_THW[t],
          pair.mask_THW.defined() ? pair.mask_THW[t] : at::Tensor());
    }
  }
  // Returns the sum of nothing: 0, with gradient 0.
  if (losses.empty()) return pair.prediction_THW.slice(0, 0, 0).sum();
  return at::stack(losses).mean();
}

}  // namespace vdd::losses
