// SPDX-License-Identifier: Apache-2.0
// Legend: C latent channels, h w latent pixels; "..." any leading dimensions (clips, frames).
#pragma once

#include <ATen/core/Tensor.h>

#include "vdd/core/enum_names.h"
#include "vdd/core/field_checks.h"
#include "vdd/losses/loss_parts.h"

// The losses of stage 1. Both compare latents in the scaled space (VAE mode times 0.18215) of
// student and teacher, shape [...,C,h,w], the teacher without gradient. Half precision is converted
// to float32 first; a scalar of that type is returned.
namespace vdd::losses {

/// What a sum over a latent is divided by: all elements; all but the channels; for gradients, each
/// direction's own number of pairs.
enum class LatentReduction { kMean, kPaper, kPairs };
constexpr auto names(LatentReduction) {
  return enum_names<LatentReduction>({{LatentReduction::kMean, "mean"},
                                      {LatentReduction::kPaper, "paper"},
                                      {LatentReduction::kPairs, "pairs"}});
}

struct LatentLossConfig {
  double lambda = 0.5;
  LatentReduction reduction = LatentReduction::kMean;

  constexpr void fields(auto& f) {
    f("lambda", lambda,
      "weight of the latent gradient loss; the score matching loss has 1 - lambda", unit_interval);
    f("reduction", reduction,
      "mean: over all elements; paper: sum over channels, mean over the rest; pairs: as mean, but "
      "each gradient is averaged over its pairs of neighbours");
  }
};

/// Mean of the squared difference; "paper" sums over channels, which is C times as much. Throws
/// ShapeError if the shapes differ, are no [...,C,h,w] or empty.
at::Tensor latent_score_loss(const at::Tensor& student, const at::Tensor& teacher,
                             LatentReduction reduction);

/// Sum of the absolute horizontal and vertical forward differences of the difference, none past the
/// border (so 0 on a map of one pixel), divided by the number of elements; "paper" sums over
/// channels; "pairs" adds the mean of the horizontal to that of the vertical ones. Throws as
/// latent_score_loss() does.
at::Tensor latent_gradient_loss(const at::Tensor& student, const at::Tensor& teacher,
                                LatentReduction reduction);

/// (1 - lambda) * score + lambda * gradient. The parts are called "latent_score" and
/// "latent_gradient".
LossParts latent_loss(const at::Tensor& student_TChw, const at::Tensor& teacher_TChw,
                      const LatentLossConfig& config);

}  // namespace vdd::losses
