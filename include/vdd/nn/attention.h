// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "vdd/nn/layers.h"
#include "vdd/nn/module_list.h"

// Legend: B clips, F frames, S places (h*w), C channels, L context rows per clip (1 or F), D
// context width.
namespace vdd::nn {

/// The dimension of x_BFSC that attention runs along.
enum class AttentionAxis { kFrames = 1, kPlaces = 2 };

/// softmax(q k^T / sqrt(d)) v with heads as contiguous channel slices; q, k, v [B,F,S,C], along one
/// of F and S.
torch::Tensor multi_head_attention(const torch::Tensor& q, const torch::Tensor& k,
                                   const torch::Tensor& v, std::int64_t heads, AttentionAxis axis);

/// Multi-head self-attention. Source: diffusers Attention; to_q, to_k, to_v without bias, to_out.0
/// with one.
class SelfAttentionImpl : public torch::nn::Module {
 public:
  SelfAttentionImpl(std::int64_t channels, std::int64_t heads);
  torch::Tensor forward(const torch::Tensor& x_BFSC, AttentionAxis axis);

 private:
  std::int64_t heads_;
  Linear to_q, to_k, to_v;
  ModuleList<Linear> to_out;
};
TORCH_MODULE(SelfAttention);

/// Cross-attention to a single token. The softmax of one score is 1, so the result is
/// to_out(to_v(token)) whatever is asked: to_q and to_k hold the published tensors, have no effect
/// and get no gradient.
class CrossAttentionImpl : public torch::nn::Module {
 public:
  CrossAttentionImpl(std::int64_t channels, std::int64_t context_dim);
  /// token_BLD, one token per frame or per clip -> [B,L,1,C], to be added to x_BFSC.
  torch::Tensor forward(const torch::Tensor& token_BLD);

 private:
  Linear to_q, to_k, to_v;
  ModuleList<Linear> to_out;
};
TORCH_MODULE(CrossAttention);

/// Single-head self-attention over the places of each image, with its own norm and residual; all
/// projections with bias. Source: diffusers Attention as the VAE uses it.
class ImageAttentionImpl : public torch::nn::Module {
 public:
  ImageAttentionImpl(std::int64_t channels, double eps);
  torch::Tensor forward(const torch::Tensor& x_NCHW);

 private:
  GroupNorm group_norm;
  Linear to_q, to_k, to_v;
  ModuleList<Linear> to_out;
};
TORCH_MODULE(ImageAttention);

}  // namespace vdd::nn
