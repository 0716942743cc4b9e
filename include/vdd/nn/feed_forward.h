// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "vdd/nn/layers.h"

namespace vdd::nn {

/// a * gelu(b) where [a, b] = proj(x); exact (erf) gelu. Source: diffusers GEGLU, arXiv 2002.05202.
class GegluImpl : public torch::nn::Module {
 public:
  GegluImpl(std::int64_t in_features, std::int64_t out_features);
  torch::Tensor forward(const torch::Tensor& x);

 private:
  Linear proj;
};
TORCH_MODULE(Geglu);

/// GEGLU to four times the width and a linear map back. Its tensors are named net.0.proj and net.2
/// (net.1 is a dropout).
class FeedForwardImpl : public torch::nn::Module {
 public:
  explicit FeedForwardImpl(std::int64_t channels);
  torch::Tensor forward(const torch::Tensor& x);

 private:
  Geglu geglu_{nullptr};
  Linear linear_{nullptr};
};
TORCH_MODULE(FeedForward);

}  // namespace vdd::nn
