// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include <cstdint>
#include <vector>

// The leaves of every model: PyTorch's layers by the names of their parameters, but made with
// uninitialised memory, because a checkpoint or nn::initialize() fills them.
// Legend: N images, C channels, H W height and width, F frames, S = H*W.
namespace vdd::nn {

/// A module that owns parameters and knows PyTorch's (or diffusers') initial distribution for them.
class Initializable {
 public:
  virtual ~Initializable() = default;
  virtual void reset_parameters(at::Generator generator) = 0;
};

/// y = x W^T + b over the last dimension.
class LinearImpl : public torch::nn::Module, public Initializable {
 public:
  LinearImpl(std::int64_t in_features, std::int64_t out_features, bool with_bias = true);
  torch::Tensor forward(const torch::Tensor& x);
  void reset_parameters(at::Generator generator) override;

  torch::Tensor weight;  ///< [out, in]
  torch::Tensor bias;    ///< [out] or undefined
};
TORCH_MODULE(Linear);

struct Conv2dConfig {
  std::int64_t in_channels = 0;
  std::int64_t out_channels = 0;
  std::int64_t kernel = 3;
  std::int64_t stride = 1;
  std::int64_t padding = 1;
  bool with_bias = true;
};

/// Square 2-D convolution with zero padding, [N,I,H,W] -> [N,O,H',W'].
class Conv2dImpl : public torch::nn::Module, public Initializable {
 public:
  explicit Conv2dImpl(const Conv2dConfig& config);
  torch::Tensor forward(const torch::Tensor& x_NCHW);
  void reset_parameters(at::Generator generator) override;

  torch::Tensor weight;  ///< [O,I,k,k]
  torch::Tensor bias;    ///< [O] or undefined

 private:
  std::int64_t stride_, padding_;
};
TORCH_MODULE(Conv2d);

/// A convolution of 3x3 that keeps height and width.
Conv2d conv3x3(std::int64_t in_channels, std::int64_t out_channels, bool with_bias = true);
/// A convolution of 1x1.
Conv2d conv1x1(std::int64_t in_channels, std::int64_t out_channels);

/// Transposed convolution whose stride is its kernel: each place becomes a patch of its own,
/// [N,I,H,W] -> [N,O,kH,kW].
class ConvTranspose2dImpl : public torch::nn::Module, public Initializable {
 public:
  ConvTranspose2dImpl(std::int64_t in_channels, std::int64_t out_channels, std::int64_t kernel);
  torch::Tensor forward(const torch::Tensor& x_NCHW);
  void reset_parameters(at::Generator generator) override;

  torch::Tensor weight;  ///< [I,O,k,k]
  torch::Tensor bias;    ///< [O]
};
TORCH_MODULE(ConvTranspose2d);

/// Conv3d with kernel (3,1,1) and padding (1,0,0): a convolution over time at each place,
/// zero-padded in time. Run as a conv2d whose height is time and whose width is all places.
class TemporalConvImpl : public torch::nn::Module, public Initializable {
 public:
  TemporalConvImpl(std::int64_t in_channels, std::int64_t out_channels);
  /// x_BCFS [B,I,F,S] -> [B,O,F,S].
  torch::Tensor forward(const torch::Tensor& x_BCFS);
  void reset_parameters(at::Generator generator) override;

  torch::Tensor weight;  ///< [O,I,3,1,1]
  torch::Tensor bias;    ///< [O]
};
TORCH_MODULE(TemporalConv);

/// Turns images of clips, [B*F,C,h,w], into [B,C,F,S] with S = h*w places, channels last in memory:
/// a view if x_NChw has them last too.
torch::Tensor frames_and_places(const torch::Tensor& x_NChw, std::int64_t num_frames);
/// Turns [B,C,F,S] back into images, [B*F,C,height,width].
torch::Tensor images(const torch::Tensor& x_BCFS, std::int64_t height, std::int64_t width);

/// Group normalisation with an affine map per channel; x [N,C,...]. Statistics over all dimensions
/// after the channels.
class GroupNormImpl : public torch::nn::Module, public Initializable {
 public:
  GroupNormImpl(std::int64_t num_channels, double eps, std::int64_t num_groups = 32);
  torch::Tensor forward(const torch::Tensor& x);
  void reset_parameters(at::Generator generator) override;

  torch::Tensor weight, bias;  ///< [C]

 private:
  std::int64_t num_groups_;
  double eps_;
};
TORCH_MODULE(GroupNorm);

/// Layer normalisation over the last dimension.
class LayerNormImpl : public torch::nn::Module, public Initializable {
 public:
  explicit LayerNormImpl(std::int64_t features, double eps = 1e-5);
  torch::Tensor forward(const torch::Tensor& x);
  void reset_parameters(at::Generator generator) override;

  torch::Tensor weight, bias;  ///< [features]

 private:
  double eps_;
};
TORCH_MODULE(LayerNorm);

/// A table of vectors, [count, features].
class EmbeddingImpl : public torch::nn::Module, public Initializable {
 public:
  EmbeddingImpl(std::int64_t count, std::int64_t features);
  void reset_parameters(at::Generator generator) override;

  torch::Tensor weight;
};
TORCH_MODULE(Embedding);

}  // namespace vdd::nn
