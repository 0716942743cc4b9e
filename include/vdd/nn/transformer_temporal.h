// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "vdd/nn/attention.h"
#include "vdd/nn/embeddings.h"
#include "vdd/nn/feed_forward.h"
#include "vdd/nn/resnet.h"

// Legend: N = B*F images of B clips with F frames, S = h*w places, C channels, D context width.
namespace vdd::nn {

/// Self-attention over the places of a frame, the frame's context token, feed-forward. Source:
/// diffusers BasicTransformerBlock (layer norms, geglu). norm2 only feeds the queries of attn2 and
/// is without effect.
class BasicTransformerBlockImpl : public torch::nn::Module {
 public:
  BasicTransformerBlockImpl(std::int64_t channels, std::int64_t heads, std::int64_t context_dim);
  /// token_BLD [B,F,D] or [B,1,D].
  torch::Tensor forward(const torch::Tensor& x_BFSC, const torch::Tensor& token_BLD);

 private:
  LayerNorm norm1;
  SelfAttention attn1;
  LayerNorm norm2;
  CrossAttention attn2;
  LayerNorm norm3;
  FeedForward ff;
};
TORCH_MODULE(BasicTransformerBlock);

/// A feed-forward, then self-attention along time at each place, the clip's context token and
/// another feed-forward. Source: diffusers TemporalBasicTransformerBlock.
class TemporalBasicTransformerBlockImpl : public torch::nn::Module {
 public:
  TemporalBasicTransformerBlockImpl(std::int64_t channels, std::int64_t heads,
                                    std::int64_t context_dim);
  /// token_B1D: one token per clip.
  torch::Tensor forward(const torch::Tensor& x_BFSC, const torch::Tensor& token_B1D);

 private:
  LayerNorm norm_in;
  FeedForward ff_in;
  LayerNorm norm1;
  SelfAttention attn1;
  LayerNorm norm2;
  CrossAttention attn2;
  LayerNorm norm3;
  FeedForward ff;
};
TORCH_MODULE(TemporalBasicTransformerBlock);

struct TransformerSpatioTemporalConfig {
  std::int64_t channels = 0;  ///< a multiple of heads
  std::int64_t heads = 1;
  std::int64_t num_layers = 1;
  std::int64_t cross_attention_dim = 0;
};

/// Spatial and temporal transformer blocks in turns, mixed by one learned scalar, around a
/// residual. Source: diffusers TransformerSpatioTemporalModel.
class TransformerSpatioTemporalModelImpl : public torch::nn::Module {
 public:
  explicit TransformerSpatioTemporalModelImpl(const TransformerSpatioTemporalConfig& config);
  /// tokens_BLD: one context token per frame [B,F,D], or one for all frames [B,1,D]; the temporal
  /// blocks see the token of the first frame. Returns [N,C,h,w].
  torch::Tensor forward(const torch::Tensor& x_NChw, const torch::Tensor& tokens_BLD,
                        std::int64_t num_frames);

 private:
  std::int64_t channels_;
  GroupNorm norm;
  Linear proj_in;
  ModuleList<BasicTransformerBlock> transformer_blocks;
  ModuleList<TemporalBasicTransformerBlock> temporal_transformer_blocks;
  TimestepEmbedding time_pos_embed;
  AlphaBlender time_mixer;
  Linear proj_out;
};
TORCH_MODULE(TransformerSpatioTemporalModel);

}  // namespace vdd::nn
