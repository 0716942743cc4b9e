// SPDX-License-Identifier: Apache-2.0
#include "vdd/nn/resnet.h"

#include <torch/torch.h>

#include "vdd/nn/parameter_device.h"

namespace vdd::nn {

ResnetBlock2DImpl::ResnetBlock2DImpl(const ResnetBlockConfig& c)
    : norm1(register_module("norm1", GroupNorm(c.in_channels, c.eps))),
      conv1(register_module("conv1", conv3x3(c.in_channels, c.out_channels))),
      time_emb_proj(c.temb_channels
                        ? register_module("time_emb_proj", Linear(c.temb_channels, c.out_channels))
                        : Linear(nullptr)),
      norm2(register_module("norm2", GroupNorm(c.out_channels, c.eps))),
      conv2(register_module("conv2", conv3x3(c.out_channels, c.out_channels))) {
  if (c.in_channels != c.out_channels) {
    conv_shortcut = register_module("conv_shortcut", conv1x1(c.in_channels, c.out_channels));
  }
}

torch::Tensor ResnetBlock2DImpl::forward(const torch::Tensor& x_NChw,
                                         const torch::Tensor& silu_temb_BE) {
  torch::Tensor h_NChw = conv1(at::silu(norm1(x_NChw)));
  if (time_emb_proj) {
    const std::int64_t num_frames = x_NChw.size(0) / silu_temb_BE.size(0);
    h_NChw =
        h_NChw +
        time_emb_proj(silu_temb_BE).repeat_interleave(num_frames, 0).unsqueeze(-1).unsqueeze(-1);
  }
  h_NChw = conv2(at::silu(norm2(h_NChw)));

  return (conv_shortcut ? conv_shortcut(x_NChw) : x_NChw) + h_NChw;
}

TemporalResnetBlockImpl::TemporalResnetBlockImpl(std::int64_t channels, std::int64_t temb_channels,
                                                 double eps)
    : norm1(register_module("norm1", GroupNorm(channels, eps))),
      conv1(register_module("conv1", TemporalConv(channels, channels))),
      time_emb_proj(temb_channels
                        ? register_module("time_emb_proj", Linear(temb_channels, channels))
                        : Linear(nullptr)),
      norm2(register_module("norm2", GroupNorm(channels, eps))),
      conv2(register_module("conv2", TemporalConv(channels, channels))) {}

torch::Tensor TemporalResnetBlockImpl::forward(const torch::Tensor& x_BCFS,
                                               const torch::Tensor& silu_temb_BE) {
  torch::Tensor h_BCFS = conv1(at::silu(norm1(x_BCFS)));
  if (time_emb_proj) h_BCFS = h_BCFS + time_emb_proj(silu_temb_BE).unsqueeze(-1).unsqueeze(-1);
  h_BCFS = conv2(at::silu(norm2(h_BCFS)));

  return x_BCFS + h_BCFS;
}

AlphaBlenderImpl::AlphaBlenderImpl(double initial_mix_factor, bool switched)
    : mix_factor(register_parameter("mix_factor", empty_parameter({1}))),
      initial_(initial_mix_factor),
      switched_(switched) {}

torch::Tensor AlphaBlenderImpl::forward(const torch::Tensor& spatial,
                                        const torch::Tensor& temporal) {
  const torch::Tensor alpha = at::sigmoid(mix_factor).to(spatial.scalar_type());
  return switched_ ? (1 - alpha) * spatial + alpha * temporal
                   : alpha * spatial + (1 - alpha) * temporal;
}

void AlphaBlenderImpl::reset_parameters(at::Generator) {
  torch::NoGradGuard no_grad;
  mix_factor.fill_(initial_);
}

SpatioTemporalResBlockImpl::SpatioTemporalResBlockImpl(const SpatioTemporalResBlockConfig& c)
    : spatial_res_block(register_module(
          "spatial_res_block", ResnetBlock2D(ResnetBlockConfig{.in_channels = c.in_channels,
                                                               .out_channels = c.out_channels,
                                                               .temb_channels = c.temb_channels,
                                                               .eps = c.eps}))),
      temporal_res_block(
          register_module("temporal_res_block",
                          TemporalResnetBlock(c.out_channels, c.temb_channels, c.temporal_eps))),
      time_mixer(register_module("time_mixer", AlphaBlender(c.mix_factor, c.switched_mix))) {}

torch::Tensor SpatioTemporalResBlockImpl::forward(const torch::Tensor& x_NChw,
                                                  const torch::Tensor& silu_temb_BE,
                                                  std::int64_t num_frames) {
  const torch::Tensor y_NChw = spatial_res_block(x_NChw, silu_temb_BE);

  const torch::Tensor y_BCFS = frames_and_places(y_NChw, num_frames);
  const torch::Tensor z_BCFS = time_mixer(y_BCFS, temporal_res_block(y_BCFS, silu_temb_BE));

  return images(z_BCFS, y_NChw.size(2), y_NChw.size(3));
}

}  // namespace vdd::nn
