// SPDX-License-Identifier: Apache-2.0
#include "vdd/models/unet_3d_blocks.h"

#include <torch/torch.h>

#include "vdd/nn/recompute.h"

namespace vdd::models {

namespace {

nn::SpatioTemporalResBlock resnet(std::int64_t in_channels, const UNetBlockConfig& c, double eps) {
  return nn::SpatioTemporalResBlock(
      nn::SpatioTemporalResBlockConfig{.in_channels = in_channels,
                                       .out_channels = c.out_channels,
                                       .temb_channels = c.temb_channels,
                                       .eps = eps,
                                       .temporal_eps = eps});
}

nn::TransformerSpatioTemporalModel attention(const UNetBlockConfig& c) {
  return nn::TransformerSpatioTemporalModel(
      nn::TransformerSpatioTemporalConfig{.channels = c.out_channels,
                                          .heads = c.heads,
                                          .num_layers = c.transformer_layers,
                                          .cross_attention_dim = c.cross_attention_dim});
}

// Calls one module, whose activations are kept or recomputed in the backward pass.
torch::Tensor run(nn::SpatioTemporalResBlock& block, const torch::Tensor& x_NChw,
                  const BlockContext& c) {
  if (c.recompute) return nn::recompute(block, x_NChw, c.silu_temb_BE, c.num_frames);
  return block(x_NChw, c.silu_temb_BE, c.num_frames);
}
torch::Tensor run(nn::TransformerSpatioTemporalModel& block, const torch::Tensor& x_NChw,
                  const BlockContext& c) {
  if (c.recompute) return nn::recompute(block, x_NChw, c.tokens_BLD, c.num_frames);
  return block(x_NChw, c.tokens_BLD, c.num_frames);
}

}  // namespace

DownBlockImpl::DownBlockImpl(const UNetBlockConfig& c) {
  const double eps = c.heads ? 1e-6 : 1e-5;
  if (c.heads)
    attentions =
        register_module("attentions", nn::ModuleList<nn::TransformerSpatioTemporalModel>());
  register_module("resnets", resnets);
  for (std::int64_t i = 0; i < c.num_layers; ++i) {
    resnets->push_back(resnet(i == 0 ? c.in_channels : c.out_channels, c, eps));
    if (c.heads) attentions->push_back(attention(c));
  }
  if (c.resample) {
    downsamplers = register_module("downsamplers", nn::ModuleList<nn::Downsample2D>());
    downsamplers->push_back(nn::Downsample2D(c.out_channels, /*symmetric_padding=*/true));
  }
}

torch::Tensor DownBlockImpl::forward(torch::Tensor x_NChw, const BlockContext& context,
                                     std::vector<torch::Tensor>& skips) {
  for (std::size_t i = 0; i < resnets->size(); ++i) {
    x_NChw = run(resnets[i], x_NChw, context);
    if (attentions) x_NChw = run(attentions[i], x_NChw, context);
    skips.push_back(x_NChw);
  }

  if (downsamplers) {
    x_NChw = downsamplers[0](x_NChw);
    skips.push_back(x_NChw);
  }
  return x_NChw;
}

MidBlockImpl::MidBlockImpl(const UNetBlockConfig& c) {
  register_module("attentions", attentions);
  register_module("resnets", resnets);
  attentions->push_back(attention(c));
  for (int i = 0; i < 2; ++i) resnets->push_back(resnet(c.out_channels, c, 1e-5));
}

torch::Tensor MidBlockImpl::forward(torch::Tensor x_NChw, const BlockContext& context) {
  x_NChw = run(resnets[0], x_NChw, context);
  x_NChw = run(attentions[0], x_NChw, context);
  return run(resnets[1], x_NChw, context);
}

UpBlockImpl::UpBlockImpl(const UNetBlockConfig& c) {
  if (c.heads)
    attentions =
        register_module("attentions", nn::ModuleList<nn::TransformerSpatioTemporalModel>());
  register_module("resnets", resnets);
  for (std::int64_t i = 0; i < c.num_layers; ++i) {
    const std::int64_t input = i == 0 ? c.prev_channels : c.out_channels;
    const std::int64_t skip = i == c.num_layers - 1 ? c.in_channels : c.out_channels;
    resnets->push_back(resnet(input + skip, c, 1e-6));
    if (c.heads) attentions->push_back(attention(c));
  }
  if (c.resample) {
    upsamplers = register_module("upsamplers", nn::ModuleList<nn::Upsample2D>());
    upsamplers->push_back(nn::Upsample2D(c.out_channels));
  }
}

torch::Tensor UpBlockImpl::forward(torch::Tensor x_NChw, const BlockContext& context,
                                   std::vector<torch::Tensor>& skips, torch::Tensor& pre_upsample) {
  for (std::size_t i = 0; i < resnets->size(); ++i) {
    x_NChw = at::cat({x_NChw, skips.back()}, 1);
    skips.pop_back();
    x_NChw = run(resnets[i], x_NChw, context);
    if (attentions) x_NChw = run(attentions[i], x_NChw, context);
  }

  if (upsamplers) {
    pre_upsample = x_NChw;
    x_NChw =
        upsamplers[0](x_NChw, skips.empty() ? torch::IntArrayRef() : skips.back().sizes().slice(2));
  }
  return x_NChw;
}

}  // namespace vdd::models
