// SPDX-License-Identifier: Apache-2.0
#include "vdd/nn/resampling.h"

#include <torch/torch.h>

namespace vdd::nn {

Downsample2DImpl::Downsample2DImpl(std::int64_t channels, bool symmetric_padding)
    : symmetric_(symmetric_padding),
      conv(register_module("conv", Conv2d(Conv2dConfig{.in_channels = channels,
                                                       .out_channels = channels,
                                                       .stride = 2,
                                                       .padding = symmetric_padding ? 1 : 0}))) {}

torch::Tensor Downsample2DImpl::forward(const torch::Tensor& x_NCHW) {
  return conv(symmetric_ ? x_NCHW : at::constant_pad_nd(x_NCHW, {0, 1, 0, 1}));
}

Upsample2DImpl::Upsample2DImpl(std::int64_t channels)
    : conv(register_module("conv", conv3x3(channels, channels))) {}

torch::Tensor Upsample2DImpl::forward(const torch::Tensor& x_NCHW, torch::IntArrayRef size) {
  const std::int64_t doubled[] = {2 * x_NCHW.size(2), 2 * x_NCHW.size(3)};
  return conv(at::upsample_nearest2d(x_NCHW, size.empty() ? torch::IntArrayRef(doubled) : size));
}

}  // namespace vdd::nn
