// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "vdd/nn/layers.h"

namespace vdd::nn {

/// 3x3 convolution with stride 2: padding 1 on all sides (UNet), or one row and column of zeros at
/// the end only (VAE). Source: diffusers Downsample2D.
class Downsample2DImpl : public torch::nn::Module {
 public:
  Downsample2DImpl(std::int64_t channels, bool symmetric_padding);
  torch::Tensor forward(const torch::Tensor& x_NCHW);

 private:
  bool symmetric_;
  Conv2d conv;
};
TORCH_MODULE(Downsample2D);

/// Nearest-neighbour enlargement, by 2 or to `size`, then a 3x3 convolution. Source: diffusers
/// Upsample2D.
class Upsample2DImpl : public torch::nn::Module {
 public:
  explicit Upsample2DImpl(std::int64_t channels);
  /// size: {height, width}, or empty for twice the input's.
  torch::Tensor forward(const torch::Tensor& x_NCHW, torch::IntArrayRef size = {});

 private:
  Conv2d conv;
};
TORCH_MODULE(Upsample2D);

}  // namespace vdd::nn
