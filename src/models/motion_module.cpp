// SPDX-License-Identifier: Apache-2.0
#include "vdd/models/motion_module.h"

#include <torch/torch.h>

#include <cmath>

namespace vdd::models {

torch::Tensor frame_positions(std::int64_t num_frames, std::int64_t channels,
                              const torch::TensorOptions& options) {
  const auto exact = options.dtype(torch::kFloat64).requires_grad(false);
  const torch::Tensor frequencies = at::exp(torch::arange(0, channels, 2, exact) *
                                            (-std::log(10000.0) / static_cast<double>(channels)));
  const torch::Tensor angles = torch::arange(num_frames, exact).unsqueeze(1) * frequencies;
  return at::stack({at::sin(angles), at::cos(angles)}, -1)
      .flatten(1)
      .to(c10::typeMetaToScalarType(options.dtype()));
}

void ZeroLinearImpl::reset_parameters(at::Generator) {
  torch::NoGradGuard no_grad;
  weight.zero_();
  if (bias.defined()) bias.zero_();
}

MotionTransformerBlockImpl::MotionTransformerBlockImpl(std::int64_t channels, std::int64_t heads)
    : attention_blocks(register_module("attention_blocks", nn::ModuleList<nn::SelfAttention>())),
      norms(register_module("norms", nn::ModuleList<nn::LayerNorm>())),
      ff(register_module("ff", nn::FeedForward(channels))),
      ff_norm(register_module("ff_norm", nn::LayerNorm(channels))) {
  for (int i = 0; i < 2; ++i) {
    attention_blocks->push_back(nn::SelfAttention(channels, heads));
    norms->push_back(nn::LayerNorm(channels));
  }
}

torch::Tensor MotionTransformerBlockImpl::forward(const torch::Tensor& x_BFSC,
                                                  const torch::Tensor& positions_F1C) {
  torch::Tensor y_BFSC = x_BFSC;
  for (std::size_t i = 0; i < attention_blocks->size(); ++i) {
    y_BFSC =
        y_BFSC + attention_blocks[i](norms[i](y_BFSC) + positions_F1C, nn::AttentionAxis::kFrames);
  }
  return y_BFSC + ff(ff_norm(y_BFSC));
}

MotionTransformerImpl::MotionTransformerImpl(std::int64_t channels, std::int64_t heads)
    : channels_(channels),
      norm(register_module("norm", nn::GroupNorm(channels, 1e-6))),
      proj_in(register_module("proj_in", nn::Linear(channels, channels))),
      transformer_blocks(
          register_module("transformer_blocks", nn::ModuleList<MotionTransformerBlock>())),
      proj_out(register_module("proj_out", ZeroLinear(channels, channels))) {
  transformer_blocks->push_back(MotionTransformerBlock(channels, heads));
}

torch::Tensor MotionTransformerImpl::forward(const torch::Tensor& x_NChw, std::int64_t num_frames) {
  const torch::Tensor x_NSC = norm(x_NChw).flatten(2).transpose(1, 2);
  torch::Tensor y_BFSC = proj_in(x_NSC).unflatten(0, {-1, num_frames});

  const torch::Tensor positions_F1C =
      frame_positions(num_frames, channels_, y_BFSC.options()).unsqueeze(1);
  for (MotionTransformerBlock& block : transformer_blocks) y_BFSC = block(y_BFSC, positions_F1C);

  const torch::Tensor y_NCS = proj_out(y_BFSC).flatten(0, 1).transpose(1, 2);
  return y_NCS.unflatten(2, x_NChw.sizes().slice(2)) + x_NChw;
}

MotionModuleImpl::MotionModuleImpl(std::int64_t channels, std::int64_t heads)
    : temporal_transformer(
          register_module("temporal_transformer", MotionTransformer(channels, heads))) {}

torch::Tensor MotionModuleImpl::forward(const torch::Tensor& x_NChw, std::int64_t num_frames) {
  return temporal_transformer(x_NChw, num_frames);
}

}  // namespace vdd::models
