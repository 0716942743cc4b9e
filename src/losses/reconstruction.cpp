// SPDX-License-Identifier: Apache-2.0
#include "vdd/losses/reconstruction.h"

#include "at_least_float.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::losses {
namespace {

at::Tensor residual_of(const at::Tensor& image, const at::Tensor& target) {
  if (image.dim() < 3 || image.sizes() != target.sizes() || image.numel() == 0) {
    throw ShapeError(concat("reconstruction loss: image ", image.sizes(), " and target ",
                            target.sizes(), " must be one shape [...,C,H,W]"));
  }
  return at_least_float(image) - at_least_float(target.detach());
}

}  // namespace

at::Tensor absolute_error(const at::Tensor& image, const at::Tensor& target) {
  return residual_of(image, target).abs().mean();
}

at::Tensor gradient_error(const at::Tensor& image_CHW, const at::Tensor& target_CHW) {
  const at::Tensor residual = residual_of(image_CHW, target_CHW);
  const at::Tensor sum = residual.diff(1, -1).abs().sum() + residual.diff(1, -2).abs().sum();
  return sum / static_cast<double>(residual.numel());
}

at::Tensor log_disparity_error(const at::Tensor& image_NCHW, const at::Tensor& target_NCHW,
                               double floor) {
  const auto log = [&](const at::Tensor& x) {
    return (at_least_float(x).mean(-3) * 0.5 + 0.5).clamp_min(0).add(floor).log();
  };
  return (log(image_NCHW) - log(target_NCHW.detach())).abs().mean();
}

at::Tensor kl_divergence(const at::Tensor& moments_NChw) {
  const auto halves = at_least_float(moments_NChw).chunk(2, 1);
  const at::Tensor log_variance = halves[1].clamp(-30, 20);
  return 0.5 * (halves[0].square() + log_variance.exp() - 1 - log_variance).mean();
}

LossParts reconstruction_loss(const at::Tensor& image_NCHW, const at::Tensor& target_NCHW,
                              const at::Tensor& is_disparity_N, const at::Tensor& moments_NChw,
                              const ReconstructionLossConfig& config) {
  const at::Tensor weight_N111 = is_disparity_N.to(target_NCHW.scalar_type())
                                     .mul(1 - config.rgb)
                                     .add(config.rgb)
                                     .view({-1, 1, 1, 1});
  const at::Tensor weighted_NCHW = weight_N111 * image_NCHW;
  const at::Tensor weighted_target_NCHW = weight_N111 * target_NCHW;
  const at::Tensor l1 = absolute_error(weighted_NCHW, weighted_target_NCHW);
  const at::Tensor gradient = gradient_error(weighted_NCHW, weighted_target_NCHW);
  const at::Tensor kl = kl_divergence(moments_NChw);
  const at::Tensor chosen = is_disparity_N.nonzero().squeeze(1);
  const at::Tensor log_disparity =
      chosen.numel() == 0
          ? at::zeros_like(l1)
          : log_disparity_error(image_NCHW.index_select(0, chosen),
                                target_NCHW.index_select(0, chosen), config.log_floor);
  return {.total = l1 + config.gradient * gradient + config.log_disparity * log_disparity +
                   config.kl * kl,
          .parts = {{"l1", l1.detach()},
                    {"gradient", gradient.detach()},
                    {"log_disparity", log_disparity.detach()},
                    {"kl", kl.detach()}}};
}

}  // namespace vdd::losses
