// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "vdd/nn/layers.h"

// Legend: N = B*F images of B clips with F frames, C channels, E embedding width, S = h*w places.
namespace vdd::nn {

struct ResnetBlockConfig {
  std::int64_t in_channels = 0;
  std::int64_t out_channels = 0;
  std::int64_t temb_channels = 0;  ///< 0: no time embedding
  double eps = 1e-6;
};

/// x + conv2(silu(norm2(conv1(silu(norm1 x)) + time_emb_proj(e)))), with a 1x1 convolution on x
/// where the width changes. Source: diffusers ResnetBlock2D.
class ResnetBlock2DImpl : public torch::nn::Module {
 public:
  explicit ResnetBlock2DImpl(const ResnetBlockConfig& config);
  /// silu_temb_BE: SiLU of the time embedding, one row per clip; undefined iff temb_channels is 0.
  /// Returns [N,O,h,w].
  torch::Tensor forward(const torch::Tensor& x_NChw, const torch::Tensor& silu_temb_BE = {});

 private:
  GroupNorm norm1;
  Conv2d conv1;
  Linear time_emb_proj{nullptr};
  GroupNorm norm2;
  Conv2d conv2;
  Conv2d conv_shortcut{nullptr};
};
TORCH_MODULE(ResnetBlock2D);

/// The chain of ResnetBlock2D along time; normalisation statistics run over all frames and places
/// of a clip. Source: diffusers TemporalResnetBlock.
class TemporalResnetBlockImpl : public torch::nn::Module {
 public:
  TemporalResnetBlockImpl(std::int64_t channels, std::int64_t temb_channels, double eps);
  torch::Tensor forward(const torch::Tensor& x_BCFS, const torch::Tensor& silu_temb_BE);

 private:
  GroupNorm norm1;
  TemporalConv conv1;
  Linear time_emb_proj{nullptr};
  GroupNorm norm2;
  TemporalConv conv2;
};
TORCH_MODULE(TemporalResnetBlock);

/// a*spatial + (1-a)*temporal with a = sigmoid(mix_factor), or the other way round if `switched`
/// (VAE decoder). Source: diffusers AlphaBlender, strategies learned and learned_with_images with
/// no image-only clip.
class AlphaBlenderImpl : public torch::nn::Module, public Initializable {
 public:
  explicit AlphaBlenderImpl(double initial_mix_factor, bool switched = false);
  torch::Tensor forward(const torch::Tensor& spatial, const torch::Tensor& temporal);
  void reset_parameters(at::Generator generator) override;

  torch::Tensor mix_factor;  ///< [1]

 private:
  double initial_;
  bool switched_;
};
TORCH_MODULE(AlphaBlender);

struct SpatioTemporalResBlockConfig {
  std::int64_t in_channels = 0;
  std::int64_t out_channels = 0;
  std::int64_t temb_channels = 0;  ///< 0: no time embedding (VAE decoder)
  double eps = 1e-6;
  double temporal_eps = 1e-6;
  double mix_factor = 0.5;  ///< initial value, before the sigmoid
  bool switched_mix = false;
};

/// A residual block per frame, then one across frames, mixed by a learned scalar. Source: diffusers
/// SpatioTemporalResBlock; Stable Video Diffusion, arXiv 2311.15127.
class SpatioTemporalResBlockImpl : public torch::nn::Module {
 public:
  explicit SpatioTemporalResBlockImpl(const SpatioTemporalResBlockConfig& config);
  torch::Tensor forward(const torch::Tensor& x_NChw, const torch::Tensor& silu_temb_BE,
                        std::int64_t num_frames);

 private:
  ResnetBlock2D spatial_res_block;
  TemporalResnetBlock temporal_res_block;
  AlphaBlender time_mixer;
};
TORCH_MODULE(SpatioTemporalResBlock);

}  // namespace vdd::nn
