// SPDX-License-Identifier: Apache-2.0
#include "vdd/nn/feed_forward.h"

#include <torch/torch.h>

namespace vdd::nn {

GegluImpl::GegluImpl(std::int64_t in_features, std::int64_t out_features)
    : proj(register_module("proj", Linear(in_features, 2 * out_features))) {}

torch::Tensor GegluImpl::forward(const torch::Tensor& x) {
  const auto halves = proj(x).chunk(2, -1);
  return halves[0] * at::gelu(halves[1]);
}

FeedForwardImpl::FeedForwardImpl(std::int64_t channels) {
  auto net = register_module("net", std::make_shared<torch::nn::Module>("net"));
  geglu_ = net->register_module("0", Geglu(channels, 4 * channels));
  linear_ = net->register_module("2", Linear(4 * channels, channels));
}

torch::Tensor FeedForwardImpl::forward(const torch::Tensor& x) {
  return linear_(geglu_(x));
}

}  // namespace vdd::nn
