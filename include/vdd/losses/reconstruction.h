// SPDX-License-Identifier: Apache-2.0
// Legend: N images, C channels, H W pixels; "..." any leading dimensions.
#pragma once

#include <ATen/core/Tensor.h>

#include "vdd/core/field_checks.h"
#include "vdd/losses/loss_parts.h"

// What an autoencoder of pictures and disparity minimises. Half precision is converted to float32
// first; scalars of that type are returned.
namespace vdd::losses {

struct ReconstructionLossConfig {
  double rgb = 1;
  double gradient = 0.5;
  double log_disparity = 0.1;
  double log_floor = 0.02;
  double kl = 1e-5;

  constexpr void fields(auto& f) {
    f("rgb", rgb, "weight of RGB pictures; disparity images have weight 1", non_negative);
    f("gradient", gradient, "weight of the absolute error of horizontal and vertical differences",
      non_negative);
    f("log_disparity", log_disparity,
      "weight of the absolute error of log(disparity + log_floor), for far points, which hardly "
      "count in disparity",
      non_negative);
    f("log_floor", log_floor, "added to the disparity in [0,1] before the logarithm", positive);
    f("kl", kl, "weight of the KL divergence of the latents from a standard normal distribution",
      non_negative);
  }
};

/// mean |a - b| over all elements.
at::Tensor absolute_error(const at::Tensor& image, const at::Tensor& target);

/// Sum of the absolute horizontal and vertical forward differences of the difference, none past the
/// border, divided by the number of elements.
at::Tensor gradient_error(const at::Tensor& image_CHW, const at::Tensor& target_CHW);

/// mean |log(p + floor) - log(d + floor)| where p and d are the means over the channels, brought
/// from [-1,1] to [0,1]; p below 0 counts as 0.
at::Tensor log_disparity_error(const at::Tensor& image_NCHW, const at::Tensor& target_NCHW,
                               double floor);

/// Divergence of N(mean, exp(log_variance)) from N(0,1), mean over all elements. moments_NChw:
/// mean, then log variance, as an encoder gives them; the latter is clamped to [-30, 20] as
/// diffusers does.
at::Tensor kl_divergence(const at::Tensor& moments_NChw);

/// Returns the weighted sum of all four; parts "l1" and "gradient" (means over the images with
/// their weights), "log_disparity" (of `is_disparity` images; 0 if there is none) and "kl".
/// is_disparity_N: bool. Throws ShapeError.
LossParts reconstruction_loss(const at::Tensor& image_NCHW, const at::Tensor& target_NCHW,
                              const at::Tensor& is_disparity_N, const at::Tensor& moments_NChw,
                              const ReconstructionLossConfig& config);

}  // namespace vdd::losses
