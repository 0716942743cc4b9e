// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "vdd/models/taps.h"
#include "vdd/nn/module_list.h"
#include "vdd/nn/resampling.h"
#include "vdd/nn/transformer_temporal.h"

// Legend: N = B*F images, C channels, E embedding width, D context width, L context rows per clip
// (1 or F).
namespace vdd::models {

/// What every block of one forward pass gets.
struct BlockContext {
  torch::Tensor silu_temb_BE;  ///< SiLU of the time embedding, one row per clip
  torch::Tensor tokens_BLD;    ///< context tokens, per frame or per clip
  std::int64_t num_frames = 1;
  bool recompute = false;  ///< gradient checkpointing, per resnet and attention pair
};

struct UNetBlockConfig {
  std::int64_t in_channels = 0;  ///< down: channels of the input; up: of the oldest skip
  std::int64_t out_channels = 0;
  std::int64_t prev_channels = 0;  ///< up only: channels of the input
  std::int64_t temb_channels = 0;
  std::int64_t num_layers = 1;  ///< number of resnets
  std::int64_t transformer_layers = 1;
  std::int64_t heads = 0;  ///< 0: a block without attention
  std::int64_t cross_attention_dim = 0;
  bool resample = true;  ///< ends with a downsampler or upsampler
};

/// Resnets, each with attention if heads > 0, then halving of the size. Source: diffusers
/// CrossAttnDownBlockSpatioTemporal (heads > 0) and DownBlockSpatioTemporal. The epsilons of the
/// group norms differ between the two (1e-6, 1e-5), as in the original.
class DownBlockImpl : public torch::nn::Module {
 public:
  explicit DownBlockImpl(const UNetBlockConfig& config);
  /// Appends every skip connection to `skips`.
  torch::Tensor forward(torch::Tensor x_NChw, const BlockContext& context,
                        std::vector<torch::Tensor>& skips);

 private:
  nn::ModuleList<nn::TransformerSpatioTemporalModel> attentions{nullptr};
  nn::ModuleList<nn::SpatioTemporalResBlock> resnets;
  nn::ModuleList<nn::Downsample2D> downsamplers{nullptr};
};
TORCH_MODULE(DownBlock);

/// Resnet, attention, resnet at the coarsest level. Source: diffusers UNetMidBlockSpatioTemporal.
class MidBlockImpl : public torch::nn::Module {
 public:
  explicit MidBlockImpl(const UNetBlockConfig& config);
  torch::Tensor forward(torch::Tensor x_NChw, const BlockContext& context);

 private:
  nn::ModuleList<nn::TransformerSpatioTemporalModel> attentions;
  nn::ModuleList<nn::SpatioTemporalResBlock> resnets;
};
TORCH_MODULE(MidBlock);

/// Resnets on input and skips, each with attention if heads > 0, then enlargement. Source:
/// diffusers CrossAttnUpBlockSpatioTemporal (heads > 0) and UpBlockSpatioTemporal.
class UpBlockImpl : public torch::nn::Module {
 public:
  explicit UpBlockImpl(const UNetBlockConfig& config);
  /// Takes its skip connections off the end of `skips`. If skips are left, the result has the size
  /// of the last of them. `pre_upsample` is set to the upsampler's input if there is one.
  torch::Tensor forward(torch::Tensor x_NChw, const BlockContext& context,
                        std::vector<torch::Tensor>& skips, torch::Tensor& pre_upsample);

 private:
  nn::ModuleList<nn::TransformerSpatioTemporalModel> attentions{nullptr};
  nn::ModuleList<nn::SpatioTemporalResBlock> resnets;
  nn::ModuleList<nn::Upsample2D> upsamplers{nullptr};
};
TORCH_MODULE(UpBlock);

}  // namespace vdd::models
