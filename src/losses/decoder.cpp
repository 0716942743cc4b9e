// SPDX-License-Identifier: Apache-2.0
#include "vdd/losses/decoder.h"

#include <torch/torch.h>

#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::losses {
namespace {

at::Tensor weighted_affinity(const DecoderLossInputs& inputs, const AffinityConfig& config) {
  if (inputs.features.size() != config.pairs.size()) {
    throw ShapeError(concat("affinity loss: ", inputs.features.size(),
                            " pairs of features, wanted ", config.pairs.size()));
  }
  at::Tensor sum;
  for (std::size_t i = 0; i < config.pairs.size(); ++i) {
    const auto& [student_TChw, teacher_TChw] = inputs.features[i];
    const at::Tensor term =
        config.pairs[i].weight * affinity_loss(student_TChw, teacher_TChw, config.norm);
    sum = sum.defined() ? sum + term : term;
  }
  return sum;
}

}  // namespace

LossParts decoder_loss(const DecoderLossInputs& in, const DecoderLossConfig& config) {
  const at::Tensor silog = silog_loss(in.prediction_THW, in.target_THW, config.silog, in.mask_THW);
  LossParts loss{.total = config.weights.silog * silog, .parts = {{"silog", silog.detach()}}};
  const auto add = [&](const char* name, double weight, const at::Tensor& part) {
    loss.total = loss.total + weight * part;
    loss.parts.emplace_back(name, part.detach());
  };
  if (const at::Tensor affinity = weighted_affinity(in, config.affinity); affinity.defined()) {
    add("affinity", config.weights.affinity, affinity);
  }
  add("gradient", config.weights.gradient,
      gradient_matching_loss(in.prediction_THW, in.target_THW, config.gradient, in.mask_THW));
  if (config.weights.latent > 0) {
    add("latent", config.weights.latent,
        latent_loss(in.student_latent_TChw, in.teacher_latent_TChw, config.latent).total);
  }
  return loss;
}

}  // namespace vdd::losses
