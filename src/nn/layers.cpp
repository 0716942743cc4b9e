// SPDX-License-Identifier: Apache-2.0
#include "vdd/nn/layers.h"

#include <torch/torch.h>

#include <cmath>

#include "vdd/nn/parameter_device.h"

namespace vdd::nn {

namespace {

torch::Tensor parameter(torch::nn::Module& module, const char* name, torch::IntArrayRef shape) {
  return module.register_parameter(name, empty_parameter(shape));
}

// PyTorch's default for linear and convolution layers: kaiming_uniform_(a = sqrt(5)), that is U(-1,
// 1) / sqrt(fan_in), for the weight and the bias. It takes the second dimension for the input, also
// where a transposed convolution has its output there.
void reset_affine(torch::Tensor& weight, torch::Tensor& bias, at::Generator generator) {
  torch::NoGradGuard no_grad;
  const std::int64_t fan_in = weight.numel() / weight.size(0);
  const double bound = 1 / std::sqrt(static_cast<double>(fan_in));
  weight.uniform_(-bound, bound, generator);
  if (bias.defined()) bias.uniform_(-bound, bound, generator);
}

void reset_norm(torch::Tensor& weight, torch::Tensor& bias) {
  torch::NoGradGuard no_grad;
  weight.fill_(1);
  bias.zero_();
}

}  // namespace

LinearImpl::LinearImpl(std::int64_t in_features, std::int64_t out_features, bool with_bias)
    : weight(parameter(*this, "weight", {out_features, in_features})) {
  if (with_bias) bias = parameter(*this, "bias", {out_features});
}

torch::Tensor LinearImpl::forward(const torch::Tensor& x) {
  return at::linear(x, weight, bias);
}

void LinearImpl::reset_parameters(at::Generator generator) {
  reset_affine(weight, bias, generator);
}

Conv2dImpl::Conv2dImpl(const Conv2dConfig& config)
    : weight(parameter(*this, "weight",
                       {config.out_channels, config.in_channels, config.kernel, config.kernel})),
      stride_(config.stride),
      padding_(config.padding) {
  if (config.with_bias) bias = parameter(*this, "bias", {config.out_channels});
}

torch::Tensor Conv2dImpl::forward(const torch::Tensor& x_NCHW) {
  return at::conv2d(x_NCHW, weight, bias, stride_, padding_);
}

void Conv2dImpl::reset_parameters(at::Generator generator) {
  reset_affine(weight, bias, generator);
}

Conv2d conv3x3(std::int64_t in_channels, std::int64_t out_channels, bool with_bias) {
  return Conv2d(Conv2dConfig{
      .in_channels = in_channels, .out_channels = out_channels, .with_bias = with_bias});
}

Conv2d conv1x1(std::int64_t in_channels, std::int64_t out_channels) {
  return Conv2d(Conv2dConfig{
      .in_channels = in_channels, .out_channels = out_channels, .kernel = 1, .padding = 0});
}

ConvTranspose2dImpl::ConvTranspose2dImpl(std::int64_t in_channels, std::int64_t out_channels,
                                         std::int64_t kernel)
    : weight(parameter(*this, "weight", {in_channels, out_channels, kernel, kernel})),
      bias(parameter(*this, "bias", {out_channels})) {}

torch::Tensor ConvTranspose2dImpl::forward(const torch::Tensor& x_NCHW) {
  return at::conv_transpose2d(x_NCHW, weight, bias, weight.size(-1));
}

void ConvTranspose2dImpl::reset_parameters(at::Generator generator) {
  reset_affine(weight, bias, generator);
}

TemporalConvImpl::TemporalConvImpl(std::int64_t in_channels, std::int64_t out_channels)
    : weight(parameter(*this, "weight", {out_channels, in_channels, 3, 1, 1})),
      bias(parameter(*this, "bias", {out_channels})) {}

torch::Tensor TemporalConvImpl::forward(const torch::Tensor& x_BCFS) {
  return at::conv2d(x_BCFS, weight.squeeze(-1), bias, 1, torch::IntArrayRef{1, 0});
}

void TemporalConvImpl::reset_parameters(at::Generator generator) {
  reset_affine(weight, bias, generator);
}

torch::Tensor frames_and_places(const torch::Tensor& x_NChw, std::int64_t num_frames) {
  // Goes by way of [B,F,S,C] and not by transpose(1, 2), which leaves the axis of one clip a stride
  // by which LibTorch no longer sees that channels come last, and convolves three times as slowly.
  const torch::Tensor x_NhwC = x_NChw.permute({0, 2, 3, 1});
  return x_NhwC.reshape({-1, num_frames, x_NhwC.size(1) * x_NhwC.size(2), x_NhwC.size(3)})
      .permute({0, 3, 1, 2});
}

torch::Tensor images(const torch::Tensor& x_BCFS, std::int64_t height, std::int64_t width) {
  return x_BCFS.unflatten(3, {height, width}).transpose(1, 2).flatten(0, 1);
}

GroupNormImpl::GroupNormImpl(std::int64_t num_channels, double eps, std::int64_t num_groups)
    : weight(parameter(*this, "weight", {num_channels})),
      bias(parameter(*this, "bias", {num_channels})),
      num_groups_(num_groups),
      eps_(eps) {}

torch::Tensor GroupNormImpl::forward(const torch::Tensor& x) {
  return at::group_norm(x, num_groups_, weight, bias, eps_);
}

void GroupNormImpl::reset_parameters(at::Generator) {
  reset_norm(weight, bias);
}

LayerNormImpl::LayerNormImpl(std::int64_t features, double eps)
    : weight(parameter(*this, "weight", {features})),
      bias(parameter(*this, "bias", {features})),
      eps_(eps) {}

torch::Tensor LayerNormImpl::forward(const torch::Tensor& x) {
  return at::layer_norm(x, weight.sizes(), weight, bias, eps_);
}

void LayerNormImpl::reset_parameters(at::Generator) {
  reset_norm(weight, bias);
}

EmbeddingImpl::EmbeddingImpl(std::int64_t count, std::int64_t features)
    : weight(parameter(*this, "weight", {count, features})) {}

void EmbeddingImpl::reset_parameters(at::Generator generator) {
  torch::NoGradGuard no_grad;
  weight.normal_(0, 1, generator);
}

}  // namespace vdd::nn
