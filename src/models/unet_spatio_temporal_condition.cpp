// SPDX-License-Identifier: Apache-2.0
#include "vdd/models/unet_spatio_temporal_condition.h"

#include <torch/torch.h>

#include "vdd/core/error.h"
#include "vdd/core/text.h"
#include "vdd/core/validate.h"

namespace vdd::models {

namespace {

constexpr std::size_t kMaxUNetLevels = 8;  // published models have four

bool has_attention(DownBlockType type) {
  return type == DownBlockType::kCrossAttention;
}
bool has_attention(UpBlockType type) {
  return type == UpBlockType::kCrossAttention;
}

// A published list may be one value for all levels.
std::int64_t at_level(const std::vector<std::int64_t>& list, std::size_t level) {
  return list.size() == 1 ? list[0] : list.at(level);
}

// Tells whether any block of the level, or the mid block, looks at the context.
bool attends(const UNetConfig& config, std::size_t level) {
  const std::size_t last = config.block_out_channels.size() - 1;
  return level == last || has_attention(config.down_block_types[level]) ||
         has_attention(config.up_block_types[last - level]);
}

}  // namespace

std::vector<std::string> UNetConfig::check() const {
  std::vector<std::string> errors;
  const std::size_t levels = block_out_channels.size();
  if (levels > kMaxUNetLevels)
    return {concat("block_out_channels: has ", levels, " levels, more than ", kMaxUNetLevels)};
  const auto want_levels = [&](const char* key, std::size_t size, bool scalar) {
    if (size == levels || (scalar && size == 1)) return;
    errors.push_back(
        concat(key, ": has ", size, " entries for the ", levels, " levels of block_out_channels"));
  };
  want_levels("down_block_types", down_block_types.size(), false);
  want_levels("up_block_types", up_block_types.size(), false);
  want_levels("layers_per_block", layers_per_block.size(), true);
  want_levels("cross_attention_dim", cross_attention_dim.size(), true);
  want_levels("transformer_layers_per_block", transformer_layers_per_block.size(), true);
  want_levels("num_attention_heads", num_attention_heads.size(), true);
  if (!errors.empty()) return errors;

  for (std::size_t i = 0; i < levels; ++i) {
    const std::int64_t heads = at_level(num_attention_heads, i);
    if (attends(*this, i) && block_out_channels[i] % heads) {
      errors.push_back(concat("num_attention_heads: ", heads, " does not divide the ",
                              block_out_channels[i], " channels of level ", i));
    }
  }
  if (projection_class_embeddings_input_dim % addition_time_embed_dim) {
    errors.push_back(
        concat("projection_class_embeddings_input_dim: ", projection_class_embeddings_input_dim,
               " is not a multiple of addition_time_embed_dim, ", addition_time_embed_dim));
  }
  return errors;
}

UNetSpatioTemporalConditionModelImpl::UNetSpatioTemporalConditionModelImpl(const UNetConfig& config)
    : config_(validate(config)),
      conv_in(register_module("conv_in",
                              nn::conv3x3(config.in_channels, config.block_out_channels.front()))),
      time_embedding(register_module("time_embedding",
                                     nn::TimestepEmbedding(config.block_out_channels.front(),
                                                           4 * config.block_out_channels.front(),
                                                           4 * config.block_out_channels.front()))),
      add_embedding(register_module(
          "add_embedding", nn::TimestepEmbedding(config.projection_class_embeddings_input_dim,
                                                 4 * config.block_out_channels.front(),
                                                 4 * config.block_out_channels.front()))),
      down_blocks(register_module("down_blocks", nn::ModuleList<DownBlock>())),
      up_blocks(register_module("up_blocks", nn::ModuleList<UpBlock>())),
      conv_norm_out(nullptr),
      conv_out(nullptr) {
  const auto& channels = config.block_out_channels;
  const std::size_t levels = channels.size();
  const auto level_config = [&](std::size_t level, bool attention) {
    return UNetBlockConfig{
        .out_channels = channels[level],
        .temb_channels = 4 * channels.front(),
        .num_layers = at_level(config.layers_per_block, level),
        .transformer_layers = at_level(config.transformer_layers_per_block, level),
        .heads = attention ? at_level(config.num_attention_heads, level) : 0,
        .cross_attention_dim = at_level(config.cross_attention_dim, level)};
  };

  for (std::size_t level = 0; level < levels; ++level) {
    UNetBlockConfig block = level_config(level, has_attention(config.down_block_types[level]));
    block.in_channels = channels[level == 0 ? 0 : level - 1];
    block.resample = level + 1 < levels;
    down_blocks->push_back(DownBlock(block));
  }
  for (std::size_t i = 0; i < levels; ++i) {
    const std::size_t level = levels - 1 - i;
    UNetBlockConfig block = level_config(level, has_attention(config.up_block_types[i]));
    block.in_channels = channels[level == 0 ? 0 : level - 1];
    block.prev_channels = channels[i == 0 ? level : level + 1];
    // Adds a resnet for the skip of the finer level's downsampler, or of conv_in.
    block.num_layers += 1;
    block.resample = level > 0;
    up_blocks->push_back(UpBlock(block));
  }
  // Registered after up_blocks, because the published state dict has this order.
  mid_block = register_module("mid_block", MidBlock(level_config(levels - 1, true)));

  conv_norm_out = register_module("conv_norm_out", nn::GroupNorm(channels.front(), 1e-5));
  conv_out = register_module("conv_out", nn::conv3x3(channels.front(), config.out_channels));
}

torch::Tensor UNetSpatioTemporalConditionModelImpl::forward(
    const torch::Tensor& sample_BFChw, const torch::Tensor& timestep_B,
    const torch::Tensor& encoder_hidden_states_BLD, const torch::Tensor& added_time_ids_BK,
    Taps* taps) {
  torch::Tensor x_NChw =
      forward_blocks(sample_BFChw, timestep_B, encoder_hidden_states_BLD, added_time_ids_BK, taps);
  x_NChw = tap(taps, "conv_norm_out", conv_norm_out(x_NChw));
  x_NChw = conv_out(at::silu(x_NChw));
  return x_NChw.contiguous().unflatten(0, {sample_BFChw.size(0), -1});
}

torch::Tensor UNetSpatioTemporalConditionModelImpl::forward_blocks(
    const torch::Tensor& sample_BFChw, const torch::Tensor& timestep_B,
    const torch::Tensor& encoder_hidden_states_BLD, const torch::Tensor& added_time_ids_BK,
    Taps* taps) {
  check_inputs(sample_BFChw, encoder_hidden_states_BLD, added_time_ids_BK);
  const std::int64_t batch = sample_BFChw.size(0);
  const torch::Dtype type = dtype();
  const torch::Device where = device();

  // Time and the added ids, one row per clip.
  const torch::Tensor t_B = timestep_B.reshape({-1}).expand({batch}).to(where);
  const torch::Tensor t_emb =
      tap(taps, "time_proj", nn::sinusoids(t_B, config_.block_out_channels.front()));
  torch::Tensor emb_BE = tap(taps, "time_embedding", time_embedding(t_emb.to(type)));
  const torch::Tensor ids =
      tap(taps, "add_time_proj",
          nn::sinusoids(added_time_ids_BK.to(where).flatten(), config_.addition_time_embed_dim));
  emb_BE = emb_BE + tap(taps, "add_embedding", add_embedding(ids.reshape({batch, -1}).to(type)));

  const BlockContext context{.silu_temb_BE = at::silu(emb_BE),
                             .tokens_BLD = encoder_hidden_states_BLD.to(where, type),
                             .num_frames = sample_BFChw.size(1),
                             .recompute = gradient_checkpointing && torch::GradMode::is_enabled()};

  // Channels last, so that frames, places and channels regroup without copies.
  torch::Tensor x_NChw =
      sample_BFChw.flatten(0, 1).to(where, type).contiguous(at::MemoryFormat::ChannelsLast);
  x_NChw = tap(taps, "conv_in", conv_in(x_NChw));
  std::vector<torch::Tensor> skips = {x_NChw};

  for (std::size_t i = 0; i < down_blocks->size(); ++i) {
    x_NChw = tap(taps, concat("down_blocks.", i), down_blocks[i](x_NChw, context, skips));
  }

  x_NChw = tap(taps, "mid_block", mid_block(x_NChw, context));

  for (std::size_t i = 0; i < up_blocks->size(); ++i) {
    torch::Tensor pre_upsample;
    x_NChw = tap(taps, concat("up_blocks.", i), up_blocks[i](x_NChw, context, skips, pre_upsample));
    if (pre_upsample.defined()) tap(taps, concat("up_blocks.", i, ".pre_upsample"), pre_upsample);
  }
  return x_NChw;
}

void UNetSpatioTemporalConditionModelImpl::check_inputs(const torch::Tensor& sample,
                                                        const torch::Tensor& tokens,
                                                        const torch::Tensor& ids) const {
  if (sample.dim() != 5 || sample.size(2) != config_.in_channels || sample.numel() == 0) {
    throw ShapeError(
        concat("sample: wanted [B,F,", config_.in_channels, ",h,w], got ", sample.sizes()));
  }
  const std::int64_t batch = sample.size(0), frames = sample.size(1);
  if (tokens.dim() != 3 || tokens.size(0) != batch ||
      (tokens.size(1) != 1 && tokens.size(1) != frames)) {
    throw ShapeError(concat("encoder_hidden_states: wanted [", batch, ",", frames, " or 1,D], got ",
                            tokens.sizes()));
  }
  for (std::size_t level = 0; level < config_.block_out_channels.size(); ++level) {
    const std::int64_t dim = at_level(config_.cross_attention_dim, level);
    if (attends(config_, level) && tokens.size(2) != dim) {
      throw ShapeError(
          concat("encoder_hidden_states: wanted width ", dim, ", got ", tokens.size(2)));
    }
  }
  const std::int64_t num_ids =
      config_.projection_class_embeddings_input_dim / config_.addition_time_embed_dim;
  if (ids.dim() != 2 || ids.size(0) != batch || ids.size(1) != num_ids) {
    throw ShapeError(
        concat("added_time_ids: wanted [", batch, ",", num_ids, "], got ", ids.sizes()));
  }
}

torch::Dtype UNetSpatioTemporalConditionModelImpl::dtype() const {
  return conv_in->weight.scalar_type();
}

torch::Device UNetSpatioTemporalConditionModelImpl::device() const {
  return conv_in->weight.device();
}

}  // namespace vdd::models
