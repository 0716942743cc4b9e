// SPDX-License-Identifier: Apache-2.0
#include "vdd/models/autoencoder_kl_temporal_decoder.h"

#include <torch/torch.h>

#include "vdd/core/error.h"
#include "vdd/core/text.h"
#include "vdd/core/validate.h"

namespace vdd::models {

namespace {

constexpr std::size_t kMaxVaeLevels = 8;  // published models have four

VaeHalfConfig half(const VaeConfig& c, std::int64_t image_channels) {
  return {.image_channels = image_channels,
          .latent_channels = c.latent_channels,
          .block_out_channels = c.block_out_channels,
          .layers_per_block = c.layers_per_block};
}

}  // namespace

std::vector<std::string> VaeConfig::check() const {
  std::vector<std::string> errors;
  if (block_out_channels.size() > kMaxVaeLevels) {
    return {concat("block_out_channels: has ", block_out_channels.size(), " levels, more than ",
                   kMaxVaeLevels)};
  }
  if (down_block_types.size() != block_out_channels.size()) {
    errors.push_back(concat("down_block_types: has ", down_block_types.size(), " entries for the ",
                            block_out_channels.size(), " levels of block_out_channels"));
  }
  return errors;
}

AutoencoderKLTemporalDecoderImpl::AutoencoderKLTemporalDecoderImpl(const VaeConfig& config)
    : config_(validate(config)),
      encoder(register_module("encoder", Encoder(half(config, config.in_channels)))),
      decoder(register_module("decoder", TemporalDecoder(half(config, config.out_channels)))),
      quant_conv(register_module(
          "quant_conv", nn::conv1x1(2 * config.latent_channels, 2 * config.latent_channels))) {}

torch::Tensor AutoencoderKLTemporalDecoderImpl::encode_moments(const torch::Tensor& x_NCHW,
                                                               Taps* taps) {
  const std::int64_t s = config_.scale();
  if (x_NCHW.dim() != 4 || x_NCHW.numel() == 0 || x_NCHW.size(1) != config_.in_channels ||
      x_NCHW.size(2) % s || x_NCHW.size(3) % s) {
    throw ShapeError(concat("images: wanted [N,", config_.in_channels,
                            ",H,W] with H and W multiples of ", s, ", got ", x_NCHW.sizes()));
  }
  const torch::Tensor x = x_NCHW.to(device(), dtype()).contiguous(at::MemoryFormat::ChannelsLast);
  return quant_conv(encoder(x, taps)).contiguous();
}

torch::Tensor AutoencoderKLTemporalDecoderImpl::encode_mode(const torch::Tensor& x_NCHW) {
  return encode_moments(x_NCHW).narrow(1, 0, config_.latent_channels);
}

torch::Tensor AutoencoderKLTemporalDecoderImpl::decode(const torch::Tensor& z_NChw,
                                                       std::int64_t num_frames, Taps* taps) {
  if (z_NChw.dim() != 4 || z_NChw.numel() == 0 || z_NChw.size(1) != config_.latent_channels ||
      num_frames < 1 || z_NChw.size(0) % num_frames) {
    throw ShapeError(concat("latents: wanted [N,", config_.latent_channels,
                            ",h,w] with N a multiple of ", num_frames, " frames, got ",
                            z_NChw.sizes()));
  }
  const torch::Tensor z = z_NChw.to(device(), dtype()).contiguous(at::MemoryFormat::ChannelsLast);
  return decoder(z, num_frames, taps).contiguous();
}

torch::Dtype AutoencoderKLTemporalDecoderImpl::dtype() const {
  return quant_conv->weight.scalar_type();
}

torch::Device AutoencoderKLTemporalDecoderImpl::device() const {
  return quant_conv->weight.device();
}

}  // namespace vdd::models
