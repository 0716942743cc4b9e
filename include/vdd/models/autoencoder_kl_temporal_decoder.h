// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "vdd/core/field_checks.h"
#include "vdd/models/vae.h"

namespace vdd::models {

/// The published vae/config.json.
struct VaeConfig {
  std::int64_t in_channels = 3;
  std::int64_t out_channels = 3;
  std::vector<std::string> down_block_types = {"DownEncoderBlock2D"};
  std::vector<std::int64_t> block_out_channels = {64};
  std::int64_t layers_per_block = 1;
  std::int64_t latent_channels = 4;
  std::int64_t sample_size = 32;
  double scaling_factor = 0.18215;
  bool force_upcast = true;

  constexpr void fields(auto& f) {
    f("in_channels", in_channels, "channels of the encoded image", in_range(1, 1024));
    f("out_channels", out_channels, "channels of the decoded image", in_range(1, 1024));
    f("down_block_types", down_block_types, "block type of each level, finest first", non_empty,
      one_of("DownEncoderBlock2D"));
    f("block_out_channels", block_out_channels, "channels of each level, finest first", non_empty,
      multiple_of(32), in_range(1, 16384));
    f("layers_per_block", layers_per_block, "ResNet blocks in each encoder block", in_range(1, 32));
    f("latent_channels", latent_channels, "channels of a latent", in_range(1, 1024));
    f("sample_size", sample_size, "image size of the original training; has no effect", positive);
    f("scaling_factor", scaling_factor, "factor that latents are multiplied by before diffusion",
      positive);
    f("force_upcast", force_upcast,
      "read by other programs only; training never runs the VAE in float16");
  }
  std::vector<std::string> check() const;
  /// Pixels per latent pixel along an axis.
  std::int64_t scale() const { return std::int64_t{1} << (block_out_channels.size() - 1); }
};

/// The VAE of Stable Video Diffusion: a per-image encoder and a decoder that looks across frames.
/// Source: diffusers AutoencoderKLTemporalDecoder.
class AutoencoderKLTemporalDecoderImpl : public torch::nn::Module {
 public:
  /// Parameters are uninitialised. Throws ConfigError if the config is inconsistent.
  explicit AutoencoderKLTemporalDecoderImpl(const VaeConfig& config);

  /// x_NCHW in [-1,1], H and W multiples of scale(); cast to the parameters' dtype. Returns [N,
  /// 2*latent, h, w]: mean, then log variance (not clamped). Taps: encoder.down_blocks.i,
  /// encoder.mid_block.attentions.0, encoder.mid_block, encoder.
  torch::Tensor encode_moments(const torch::Tensor& x_NCHW, Taps* taps = nullptr);
  /// Returns the mean of encode_moments() alone, not multiplied by scaling_factor.
  torch::Tensor encode_mode(const torch::Tensor& x_NCHW);

  /// z_NChw: latents already divided by scaling_factor, N a multiple of num_frames; cast to the
  /// parameters' dtype. Each run of num_frames images is one clip. Returns [N,C,H,W], about [-1,1].
  /// Taps: decoder.conv_in, decoder.mid_block.resnets.0, decoder.mid_block, decoder.up_blocks.i,
  /// decoder.conv_out. Throws ShapeError.
  torch::Tensor decode(const torch::Tensor& z_NChw, std::int64_t num_frames, Taps* taps = nullptr);

  const VaeConfig& config() const { return config_; }
  torch::Dtype dtype() const;
  torch::Device device() const;

 private:
  VaeConfig config_;
  Encoder encoder;
  TemporalDecoder decoder;
  nn::Conv2d quant_conv;
};
TORCH_MODULE(AutoencoderKLTemporalDecoder);

}  // namespace vdd::models
