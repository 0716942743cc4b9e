// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "vdd/core/enum_names.h"
#include "vdd/core/field_checks.h"
#include "vdd/models/unet_3d_blocks.h"

namespace vdd::models {

/// Blocks of the way down, with and without attention.
enum class DownBlockType { kCrossAttention, kPlain };
constexpr auto names(DownBlockType) {
  return enum_names<DownBlockType>(
      {{DownBlockType::kCrossAttention, "CrossAttnDownBlockSpatioTemporal"},
       {DownBlockType::kPlain, "DownBlockSpatioTemporal"}});
}

/// Blocks of the way up, with and without attention.
enum class UpBlockType { kCrossAttention, kPlain };
constexpr auto names(UpBlockType) {
  return enum_names<UpBlockType>({{UpBlockType::kCrossAttention, "CrossAttnUpBlockSpatioTemporal"},
                                  {UpBlockType::kPlain, "UpBlockSpatioTemporal"}});
}

/// The published unet/config.json. Lists may hold one value for all levels; levels run from the
/// finest to the coarsest.
struct UNetConfig {
  std::optional<std::int64_t> sample_size = {};
  std::int64_t in_channels = 8;
  std::int64_t out_channels = 4;
  std::vector<DownBlockType> down_block_types = {
      DownBlockType::kCrossAttention, DownBlockType::kCrossAttention,
      DownBlockType::kCrossAttention, DownBlockType::kPlain};
  std::vector<UpBlockType> up_block_types = {UpBlockType::kPlain, UpBlockType::kCrossAttention,
                                             UpBlockType::kCrossAttention,
                                             UpBlockType::kCrossAttention};
  std::vector<std::int64_t> block_out_channels = {320, 640, 1280, 1280};
  std::int64_t addition_time_embed_dim = 256;
  std::int64_t projection_class_embeddings_input_dim = 768;
  std::vector<std::int64_t> layers_per_block = {2};
  std::vector<std::int64_t> cross_attention_dim = {1024};
  std::vector<std::int64_t> transformer_layers_per_block = {1};
  std::vector<std::int64_t> num_attention_heads = {5, 10, 20, 20};
  std::int64_t num_frames = 25;

  constexpr void fields(auto& f) {
    f("sample_size", sample_size, "latent size of the original training; has no effect");
    f("in_channels", in_channels, "input channels: noisy latent and video latent, concatenated",
      in_range(1, 1024));
    f("out_channels", out_channels, "channels of the prediction", in_range(1, 1024));
    f("down_block_types", down_block_types, "block type of each level, finest first", non_empty);
    f("up_block_types", up_block_types, "block type of each level, coarsest first", non_empty);
    f("block_out_channels", block_out_channels, "channels of each level, finest first", non_empty,
      multiple_of(32), in_range(1, 16384));
    f("addition_time_embed_dim", addition_time_embed_dim,
      "width of the sinusoidal embedding of each added time id", in_range(1, 65536));
    f("projection_class_embeddings_input_dim", projection_class_embeddings_input_dim,
      "width of the embeddings of all added time ids together", in_range(1, 65536));
    f("layers_per_block", layers_per_block, "ResNet blocks in each down block", scalar_or_list,
      non_empty, in_range(1, 32));
    f("cross_attention_dim", cross_attention_dim,
      "width of the image embedding that cross-attention reads", scalar_or_list, non_empty,
      in_range(1, 65536));
    f("transformer_layers_per_block", transformer_layers_per_block, "layers of each transformer",
      scalar_or_list, non_empty, in_range(1, 128));
    f("num_attention_heads", num_attention_heads, "attention heads", scalar_or_list, non_empty,
      in_range(1, 1024));
    f("num_frames", num_frames, "clip length of the original training, in frames; has no effect",
      positive);
  }
  /// Rules across fields, "key: message" each.
  std::vector<std::string> check() const;
};

/// The denoiser of Stable Video Diffusion and, with one context token per frame, of DepthCrafter.
/// Source: diffusers UNetSpatioTemporalConditionModel; Tencent/DepthCrafter depthcrafter/unet.py.
/// Runs under autocast, in inference mode and with frozen parameters.
class UNetSpatioTemporalConditionModelImpl : public torch::nn::Module {
 public:
  /// Parameters are uninitialised. Throws ConfigError if the config is inconsistent.
  explicit UNetSpatioTemporalConditionModelImpl(const UNetConfig& config);

  /// sample_BFChw: any float dtype; timestep_B: float, [B] or a scalar, 0.25 ln(sigma) for a model
  /// with continuous timesteps; encoder_hidden_states_BLD: [B,F,D] (DepthCrafter) or [B,1,D];
  /// added_time_ids_BK. All are cast to the parameters' dtype, the sinusoids computed in float32.
  /// Returns [B,F,O,h,w]. Throws ShapeError. Taps: time_proj, add_time_proj, time_embedding,
  /// add_embedding, conv_in, down_blocks.i, mid_block, up_blocks.i, up_blocks.i.pre_upsample,
  /// conv_norm_out; images [N,C,h,w].
  torch::Tensor forward(const torch::Tensor& sample_BFChw, const torch::Tensor& timestep_B,
                        const torch::Tensor& encoder_hidden_states_BLD,
                        const torch::Tensor& added_time_ids_BK, Taps* taps = nullptr);

  /// Runs forward() without the prediction, for a decoder that takes the taps alone: conv_norm_out
  /// and conv_out do not run. Returns the output of the last up block, [N,C,h,w].
  torch::Tensor forward_blocks(const torch::Tensor& sample_BFChw, const torch::Tensor& timestep_B,
                               const torch::Tensor& encoder_hidden_states_BLD,
                               const torch::Tensor& added_time_ids_BK, Taps* taps);

  const UNetConfig& config() const { return config_; }
  torch::Dtype dtype() const;
  torch::Device device() const;

  /// Forgets activations inside each resnet and attention pair and computes them again in the
  /// backward pass.
  bool gradient_checkpointing = false;

 private:
  void check_inputs(const torch::Tensor& sample, const torch::Tensor& tokens,
                    const torch::Tensor& ids) const;

  UNetConfig config_;
  nn::Conv2d conv_in;
  nn::TimestepEmbedding time_embedding, add_embedding;
  nn::ModuleList<DownBlock> down_blocks;
  nn::ModuleList<UpBlock> up_blocks;
  MidBlock mid_block{nullptr};
  nn::GroupNorm conv_norm_out;
  nn::Conv2d conv_out;
};
TORCH_MODULE(UNetSpatioTemporalConditionModel);

}  // namespace vdd::models
