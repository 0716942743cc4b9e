// SPDX-License-Identifier: Apache-2.0
#include "vdd/models/vae.h"

#include <torch/torch.h>

#include "vdd/core/text.h"

namespace vdd::models {

namespace {

constexpr double kEps = 1e-6;
constexpr double kTemporalEps = 1e-5;

nn::ResnetBlock2D resnet(std::int64_t in_channels, std::int64_t out_channels) {
  return nn::ResnetBlock2D(
      nn::ResnetBlockConfig{.in_channels = in_channels, .out_channels = out_channels, .eps = kEps});
}

nn::SpatioTemporalResBlock temporal_resnet(std::int64_t in_channels, std::int64_t out_channels) {
  return nn::SpatioTemporalResBlock(nn::SpatioTemporalResBlockConfig{.in_channels = in_channels,
                                                                     .out_channels = out_channels,
                                                                     .eps = kEps,
                                                                     .temporal_eps = kTemporalEps,
                                                                     .mix_factor = 0.0,
                                                                     .switched_mix = true});
}

}  // namespace

DownEncoderBlock2DImpl::DownEncoderBlock2DImpl(std::int64_t in_channels, std::int64_t out_channels,
                                               std::int64_t num_layers, bool downsample)
    : resnets(register_module("resnets", nn::ModuleList<nn::ResnetBlock2D>())) {
  for (std::int64_t i = 0; i < num_layers; ++i) {
    resnets->push_back(resnet(i == 0 ? in_channels : out_channels, out_channels));
  }
  if (downsample) {
    downsamplers = register_module("downsamplers", nn::ModuleList<nn::Downsample2D>());
    downsamplers->push_back(nn::Downsample2D(out_channels, /*symmetric_padding=*/false));
  }
}

torch::Tensor DownEncoderBlock2DImpl::forward(torch::Tensor x_NCHW) {
  for (auto& block : resnets) x_NCHW = block(x_NCHW);
  return downsamplers ? downsamplers[0](x_NCHW) : x_NCHW;
}

UNetMidBlock2DImpl::UNetMidBlock2DImpl(std::int64_t channels)
    : attentions(register_module("attentions", nn::ModuleList<nn::ImageAttention>())),
      resnets(register_module("resnets", nn::ModuleList<nn::ResnetBlock2D>())) {
  attentions->push_back(nn::ImageAttention(channels, kEps));
  for (int i = 0; i < 2; ++i) resnets->push_back(resnet(channels, channels));
}

torch::Tensor UNetMidBlock2DImpl::forward(torch::Tensor x_NChw, Taps* taps) {
  x_NChw = resnets[0](x_NChw);
  x_NChw = tap(taps, "encoder.mid_block.attentions.0", attentions[0](x_NChw));
  return resnets[1](x_NChw);
}

EncoderImpl::EncoderImpl(const VaeHalfConfig& c)
    : conv_in(
          register_module("conv_in", nn::conv3x3(c.image_channels, c.block_out_channels.front()))),
      down_blocks(register_module("down_blocks", nn::ModuleList<DownEncoderBlock2D>())),
      mid_block(register_module("mid_block", UNetMidBlock2D(c.block_out_channels.back()))),
      conv_norm_out(
          register_module("conv_norm_out", nn::GroupNorm(c.block_out_channels.back(), kEps))),
      conv_out(register_module("conv_out",
                               nn::conv3x3(c.block_out_channels.back(), 2 * c.latent_channels))) {
  for (std::size_t i = 0; i < c.block_out_channels.size(); ++i) {
    down_blocks->push_back(DownEncoderBlock2D(c.block_out_channels[i == 0 ? 0 : i - 1],
                                              c.block_out_channels[i], c.layers_per_block,
                                              i + 1 < c.block_out_channels.size()));
  }
}

torch::Tensor EncoderImpl::forward(const torch::Tensor& x_NCHW, Taps* taps) {
  torch::Tensor h_NChw = conv_in(x_NCHW);
  for (std::size_t i = 0; i < down_blocks->size(); ++i) {
    h_NChw = tap(taps, concat("encoder.down_blocks.", i), down_blocks[i](h_NChw));
  }
  h_NChw = tap(taps, "encoder.mid_block", mid_block(h_NChw, taps));
  return tap(taps, "encoder", conv_out(at::silu(conv_norm_out(h_NChw))));
}

MidBlockTemporalDecoderImpl::MidBlockTemporalDecoderImpl(std::int64_t channels,
                                                         std::int64_t num_layers)
    : attentions(register_module("attentions", nn::ModuleList<nn::ImageAttention>())),
      resnets(register_module("resnets", nn::ModuleList<nn::SpatioTemporalResBlock>())) {
  attentions->push_back(nn::ImageAttention(channels, kEps));
  for (std::int64_t i = 0; i < num_layers; ++i)
    resnets->push_back(temporal_resnet(channels, channels));
}

torch::Tensor MidBlockTemporalDecoderImpl::forward(torch::Tensor x_NChw, std::int64_t num_frames,
                                                   Taps* taps) {
  x_NChw =
      tap(taps, "decoder.mid_block.resnets.0", resnets[0](x_NChw, torch::Tensor(), num_frames));
  if (resnets->size() > 1) x_NChw = resnets[1](attentions[0](x_NChw), torch::Tensor(), num_frames);
  return x_NChw;
}

UpBlockTemporalDecoderImpl::UpBlockTemporalDecoderImpl(std::int64_t in_channels,
                                                       std::int64_t out_channels,
                                                       std::int64_t num_layers, bool upsample)
    : resnets(register_module("resnets", nn::ModuleList<nn::SpatioTemporalResBlock>())) {
  for (std::int64_t i = 0; i < num_layers; ++i) {
    resnets->push_back(temporal_resnet(i == 0 ? in_channels : out_channels, out_channels));
  }
  if (upsample) {
    upsamplers = register_module("upsamplers", nn::ModuleList<nn::Upsample2D>());
    upsamplers->push_back(nn::Upsample2D(out_channels));
  }
}

torch::Tensor UpBlockTemporalDecoderImpl::forward(torch::Tensor x_NChw, std::int64_t num_frames) {
  for (auto& block : resnets) x_NChw = block(x_NChw, torch::Tensor(), num_frames);
  return upsamplers ? upsamplers[0](x_NChw) : x_NChw;
}

TemporalDecoderImpl::TemporalDecoderImpl(const VaeHalfConfig& c)
    : conv_in(
          register_module("conv_in", nn::conv3x3(c.latent_channels, c.block_out_channels.back()))),
      mid_block(register_module(
          "mid_block", MidBlockTemporalDecoder(c.block_out_channels.back(), c.layers_per_block))),
      up_blocks(register_module("up_blocks", nn::ModuleList<UpBlockTemporalDecoder>())),
      conv_norm_out(
          register_module("conv_norm_out", nn::GroupNorm(c.block_out_channels.front(), kEps))),
      conv_out(
          register_module("conv_out", nn::conv3x3(c.block_out_channels.front(), c.image_channels))),
      time_conv_out(
          register_module("time_conv_out", nn::TemporalConv(c.image_channels, c.image_channels))) {
  const std::vector<std::int64_t> widths(c.block_out_channels.rbegin(),
                                         c.block_out_channels.rend());
  for (std::size_t i = 0; i < widths.size(); ++i) {
    // Gives a level one resnet more than the encoder has, as the published decoder.
    up_blocks->push_back(UpBlockTemporalDecoder(widths[i == 0 ? 0 : i - 1], widths[i],
                                                c.layers_per_block + 1, i + 1 < widths.size()));
  }
}

torch::Tensor TemporalDecoderImpl::forward(const torch::Tensor& z_NChw, std::int64_t num_frames,
                                           Taps* taps) {
  torch::Tensor x_NCHW = tap(taps, "decoder.conv_in", conv_in(z_NChw));
  x_NCHW = tap(taps, "decoder.mid_block", mid_block(x_NCHW, num_frames, taps));
  for (std::size_t i = 0; i < up_blocks->size(); ++i) {
    x_NCHW = tap(taps, concat("decoder.up_blocks.", i), up_blocks[i](x_NCHW, num_frames));
  }
  x_NCHW = tap(taps, "decoder.conv_out", conv_out(at::silu(conv_norm_out(x_NCHW))));

  return nn::images(time_conv_out(nn::frames_and_places(x_NCHW, num_frames)), x_NCHW.size(2),
                    x_NCHW.size(3));
}

}  // namespace vdd::models
