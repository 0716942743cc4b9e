// SPDX-License-Identifier: Apache-2.0
#include "vdd/losses/latent.h"

#include <torch/torch.h>

#include <algorithm>

#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::losses {
namespace {

at::Tensor difference(const at::Tensor& student, const at::Tensor& teacher) {
  if (student.dim() < 3 || student.sizes() != teacher.sizes() || student.numel() == 0) {
    throw ShapeError(concat("latent loss: student ", student.sizes(), " and teacher ",
                            teacher.sizes(), " must be one shape [...,C,h,w]"));
  }
  const auto type = at::promote_types(student.scalar_type(), at::kFloat);
  return student.to(type) - teacher.detach().to(type);
}

/// Returns what the sum over all elements is divided by.
double normalizer(const at::Tensor& x, LatentReduction reduction) {
  const bool sums_channels = reduction == LatentReduction::kPaper;
  const std::int64_t count = sums_channels ? x.numel() / x.size(-3) : x.numel();
  return static_cast<double>(count);
}

at::Tensor score(const at::Tensor& difference, LatentReduction reduction) {
  return difference.square().sum() / normalizer(difference, reduction);
}

at::Tensor gradient(const at::Tensor& difference, LatentReduction reduction) {
  const at::Tensor dx = difference.diff(1, -1), dy = difference.diff(1, -2);
  if (reduction == LatentReduction::kPairs) {
    const auto mean = [](const at::Tensor& d) {
      return d.abs().sum() / static_cast<double>(std::max<std::int64_t>(d.numel(), 1));
    };
    return mean(dx) + mean(dy);
  }
  return (dx.abs().sum() + dy.abs().sum()) / normalizer(difference, reduction);
}

}  // namespace

at::Tensor latent_score_loss(const at::Tensor& student, const at::Tensor& teacher,
                             LatentReduction reduction) {
  return score(difference(student, teacher), reduction);
}

at::Tensor latent_gradient_loss(const at::Tensor& student, const at::Tensor& teacher,
                                LatentReduction reduction) {
  return gradient(difference(student, teacher), reduction);
}

LossParts latent_loss(const at::Tensor& student_TChw, const at::Tensor& teacher_TChw,
                      const LatentLossConfig& config) {
  const at::Tensor residual = difference(student_TChw, teacher_TChw);
  const at::Tensor match = score(residual, config.reduction);
  const at::Tensor slope = gradient(residual, config.reduction);
  return {.total = (1 - config.lambda) * match + config.lambda * slope,
          .parts = {{"latent_score", match.detach()}, {"latent_gradient", slope.detach()}}};
}

}  // namespace vdd::losses
