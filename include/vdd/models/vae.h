// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "vdd/models/taps.h"
#include "vdd/nn/attention.h"
#include "vdd/nn/module_list.h"
#include "vdd/nn/resampling.h"
#include "vdd/nn/resnet.h"

// The two halves of the temporal VAE. Legend: N = B*F images, C channels, H W pixels, h w latent
// size.
namespace vdd::models {

struct VaeHalfConfig {
  std::int64_t image_channels = 3;
  std::int64_t latent_channels = 4;
  std::vector<std::int64_t> block_out_channels;  ///< finest level first
  std::int64_t layers_per_block = 2;
};

/// Resnets, then halving of the size. Source: diffusers DownEncoderBlock2D.
class DownEncoderBlock2DImpl : public torch::nn::Module {
 public:
  DownEncoderBlock2DImpl(std::int64_t in_channels, std::int64_t out_channels,
                         std::int64_t num_layers, bool downsample);
  torch::Tensor forward(torch::Tensor x_NCHW);

 private:
  nn::ModuleList<nn::ResnetBlock2D> resnets;
  nn::ModuleList<nn::Downsample2D> downsamplers{nullptr};
};
TORCH_MODULE(DownEncoderBlock2D);

/// Resnet, attention, resnet. Source: diffusers UNetMidBlock2D.
class UNetMidBlock2DImpl : public torch::nn::Module {
 public:
  explicit UNetMidBlock2DImpl(std::int64_t channels);
  torch::Tensor forward(torch::Tensor x_NChw, Taps* taps = nullptr);

 private:
  nn::ModuleList<nn::ImageAttention> attentions;
  nn::ModuleList<nn::ResnetBlock2D> resnets;
};
TORCH_MODULE(UNetMidBlock2D);

/// Images to twice the latent channels (mean and log variance). Source: diffusers Encoder.
class EncoderImpl : public torch::nn::Module {
 public:
  explicit EncoderImpl(const VaeHalfConfig& config);
  torch::Tensor forward(const torch::Tensor& x_NCHW, Taps* taps = nullptr);

 private:
  nn::Conv2d conv_in;
  nn::ModuleList<DownEncoderBlock2D> down_blocks;
  UNetMidBlock2D mid_block;
  nn::GroupNorm conv_norm_out;
  nn::Conv2d conv_out;
};
TORCH_MODULE(Encoder);

/// One attention after the first resnet, if there is a second resnet; resnets past the second do
/// not run. All tensors exist whether they run or not. Source: diffusers MidBlockTemporalDecoder.
class MidBlockTemporalDecoderImpl : public torch::nn::Module {
 public:
  MidBlockTemporalDecoderImpl(std::int64_t channels, std::int64_t num_layers);
  torch::Tensor forward(torch::Tensor x_NChw, std::int64_t num_frames, Taps* taps = nullptr);

 private:
  nn::ModuleList<nn::ImageAttention> attentions;
  nn::ModuleList<nn::SpatioTemporalResBlock> resnets;
};
TORCH_MODULE(MidBlockTemporalDecoder);

/// Resnets, then doubling of the size. Source: diffusers UpBlockTemporalDecoder.
class UpBlockTemporalDecoderImpl : public torch::nn::Module {
 public:
  UpBlockTemporalDecoderImpl(std::int64_t in_channels, std::int64_t out_channels,
                             std::int64_t num_layers, bool upsample);
  torch::Tensor forward(torch::Tensor x_NChw, std::int64_t num_frames);

 private:
  nn::ModuleList<nn::SpatioTemporalResBlock> resnets;
  nn::ModuleList<nn::Upsample2D> upsamplers{nullptr};
};
TORCH_MODULE(UpBlockTemporalDecoder);

/// Latents to images, with temporal blocks and a last convolution over time. Source: diffusers
/// TemporalDecoder.
class TemporalDecoderImpl : public torch::nn::Module {
 public:
  explicit TemporalDecoderImpl(const VaeHalfConfig& config);
  torch::Tensor forward(const torch::Tensor& z_NChw, std::int64_t num_frames, Taps* taps = nullptr);

 private:
  nn::Conv2d conv_in;
  MidBlockTemporalDecoder mid_block;
  nn::ModuleList<UpBlockTemporalDecoder> up_blocks;
  nn::GroupNorm conv_norm_out;
  nn::Conv2d conv_out;
  nn::TemporalConv time_conv_out;
};
TORCH_MODULE(TemporalDecoder);

}  // namespace vdd::models
