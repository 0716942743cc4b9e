// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "vdd/nn/attention.h"
#include "vdd/nn/feed_forward.h"

// Attention along time for the decoder. Legend: N = B*F images of B clips with F frames, S = h*w
// places, C channels.
namespace vdd::models {

/// Sinusoids of the frame numbers 0, 1, ..., F-1: [F,C], column 2i = sin(p exp(-2i ln(1e4) / C)),
/// column 2i+1 its cosine. Computed in float64 for any length, then cast to the type of `options`.
torch::Tensor frame_positions(std::int64_t num_frames, std::int64_t channels,
                              const torch::TensorOptions& options);

/// A linear map that starts at zero, so that what it ends starts as the identity.
class ZeroLinearImpl : public nn::LinearImpl {
 public:
  using nn::LinearImpl::LinearImpl;
  void reset_parameters(at::Generator generator) override;
};
TORCH_MODULE(ZeroLinear);

/// Self-attention along time, twice, each after a norm and with the frame positions added to what
/// queries, keys and values are made of; then a feed-forward. Not causal, no mask.
class MotionTransformerBlockImpl : public torch::nn::Module {
 public:
  MotionTransformerBlockImpl(std::int64_t channels, std::int64_t heads);
  torch::Tensor forward(const torch::Tensor& x_BFSC, const torch::Tensor& positions_F1C);

 private:
  nn::ModuleList<nn::SelfAttention> attention_blocks;
  nn::ModuleList<nn::LayerNorm> norms;
  nn::FeedForward ff;
  nn::LayerNorm ff_norm;
};
TORCH_MODULE(MotionTransformerBlock);

/// A residual around MotionTransformerBlock, with a group norm per frame in front.
class MotionTransformerImpl : public torch::nn::Module {
 public:
  MotionTransformerImpl(std::int64_t channels, std::int64_t heads);
  torch::Tensor forward(const torch::Tensor& x_NChw, std::int64_t num_frames);

 private:
  std::int64_t channels_;
  nn::GroupNorm norm;
  nn::Linear proj_in;
  nn::ModuleList<MotionTransformerBlock> transformer_blocks;
  ZeroLinear proj_out;
};
TORCH_MODULE(MotionTransformer);

/// Video-Depth-Anything's temporal module (its variant with absolute positions), for clips of any
/// length: the positions are a formula, so its buffer `pos_encoder.pe` is neither needed nor kept.
/// The identity after nn::initialize. channels: a multiple of 32 (norm groups) and of heads.
class MotionModuleImpl : public torch::nn::Module {
 public:
  explicit MotionModuleImpl(std::int64_t channels, std::int64_t heads = 8);
  /// Takes clips of num_frames images each. Returns [N,C,h,w].
  torch::Tensor forward(const torch::Tensor& x_NChw, std::int64_t num_frames);

 private:
  MotionTransformer temporal_transformer;
};
TORCH_MODULE(MotionModule);

}  // namespace vdd::models
