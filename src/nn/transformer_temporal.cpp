// SPDX-License-Identifier: Apache-2.0
#include "vdd/nn/transformer_temporal.h"

#include <torch/torch.h>

namespace vdd::nn {

BasicTransformerBlockImpl::BasicTransformerBlockImpl(std::int64_t channels, std::int64_t heads,
                                                     std::int64_t context_dim)
    : norm1(register_module("norm1", LayerNorm(channels))),
      attn1(register_module("attn1", SelfAttention(channels, heads))),
      norm2(register_module("norm2", LayerNorm(channels))),
      attn2(register_module("attn2", CrossAttention(channels, context_dim))),
      norm3(register_module("norm3", LayerNorm(channels))),
      ff(register_module("ff", FeedForward(channels))) {}

torch::Tensor BasicTransformerBlockImpl::forward(const torch::Tensor& x_BFSC,
                                                 const torch::Tensor& token_BLD) {
  torch::Tensor y_BFSC = x_BFSC + attn1(norm1(x_BFSC), AttentionAxis::kPlaces);
  // Leaves norm2 out: it feeds only queries, which have no effect on a single token.
  y_BFSC = y_BFSC + attn2(token_BLD);
  return y_BFSC + ff(norm3(y_BFSC));
}

TemporalBasicTransformerBlockImpl::TemporalBasicTransformerBlockImpl(std::int64_t channels,
                                                                     std::int64_t heads,
                                                                     std::int64_t context_dim)
    : norm_in(register_module("norm_in", LayerNorm(channels))),
      ff_in(register_module("ff_in", FeedForward(channels))),
      norm1(register_module("norm1", LayerNorm(channels))),
      attn1(register_module("attn1", SelfAttention(channels, heads))),
      norm2(register_module("norm2", LayerNorm(channels))),
      attn2(register_module("attn2", CrossAttention(channels, context_dim))),
      norm3(register_module("norm3", LayerNorm(channels))),
      ff(register_module("ff", FeedForward(channels))) {}

torch::Tensor TemporalBasicTransformerBlockImpl::forward(const torch::Tensor& x_BFSC,
                                                         const torch::Tensor& token_B1D) {
  torch::Tensor z_BFSC = x_BFSC + ff_in(norm_in(x_BFSC));
  z_BFSC = z_BFSC + attn1(norm1(z_BFSC), AttentionAxis::kFrames);
  z_BFSC = z_BFSC + attn2(token_B1D);
  return z_BFSC + ff(norm3(z_BFSC));
}

TransformerSpatioTemporalModelImpl::TransformerSpatioTemporalModelImpl(
    const TransformerSpatioTemporalConfig& c)
    : channels_(c.channels),
      norm(register_module("norm", GroupNorm(c.channels, 1e-6))),
      proj_in(register_module("proj_in", Linear(c.channels, c.channels))),
      transformer_blocks(
          register_module("transformer_blocks", ModuleList<BasicTransformerBlock>())),
      temporal_transformer_blocks(register_module("temporal_transformer_blocks",
                                                  ModuleList<TemporalBasicTransformerBlock>())),
      time_pos_embed(register_module("time_pos_embed",
                                     TimestepEmbedding(c.channels, 4 * c.channels, c.channels))),
      time_mixer(register_module("time_mixer", AlphaBlender(0.5))),
      proj_out(register_module("proj_out", Linear(c.channels, c.channels))) {
  for (std::int64_t i = 0; i < c.num_layers; ++i) {
    transformer_blocks->push_back(
        BasicTransformerBlock(c.channels, c.heads, c.cross_attention_dim));
    temporal_transformer_blocks->push_back(
        TemporalBasicTransformerBlock(c.channels, c.heads, c.cross_attention_dim));
  }
}

torch::Tensor TransformerSpatioTemporalModelImpl::forward(const torch::Tensor& x_NChw,
                                                          const torch::Tensor& tokens_BLD,
                                                          std::int64_t num_frames) {
  // The original gives its temporal blocks the context of the first frame alone.
  const torch::Tensor first_token_B1D = tokens_BLD.slice(1, 0, 1);
  const torch::Tensor x_NSC = norm(x_NChw).flatten(2).transpose(1, 2);
  torch::Tensor y_BFSC = proj_in(x_NSC).unflatten(0, {-1, num_frames});

  const torch::Tensor frame = torch::arange(num_frames, x_NChw.options().dtype(torch::kFloat32));
  const torch::Tensor frame_F1C =
      time_pos_embed(sinusoids(frame, channels_).to(y_BFSC.scalar_type())).unsqueeze(1);

  for (std::size_t i = 0; i < transformer_blocks->size(); ++i) {
    y_BFSC = transformer_blocks[i](y_BFSC, tokens_BLD);
    y_BFSC =
        time_mixer(y_BFSC, temporal_transformer_blocks[i](y_BFSC + frame_F1C, first_token_B1D));
  }

  const torch::Tensor y_NCS = proj_out(y_BFSC).flatten(0, 1).transpose(1, 2);
  return y_NCS.unflatten(2, x_NChw.sizes().slice(2)) + x_NChw;
}

}  // namespace vdd::nn
