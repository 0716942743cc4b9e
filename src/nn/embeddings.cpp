// SPDX-License-Identifier: Apache-2.0
#include "vdd/nn/embeddings.h"

#include <torch/torch.h>

#include <cmath>

namespace vdd::nn {

torch::Tensor sinusoids(const torch::Tensor& t, std::int64_t features) {
  const std::int64_t half = features / 2;
  const auto options = torch::TensorOptions().dtype(torch::kFloat32).device(t.device());
  const torch::Tensor frequencies =
      at::exp(torch::arange(half, options) * (-std::log(10000.0)) / half);
  const torch::Tensor angles = t.to(torch::kFloat32).unsqueeze(-1) * frequencies;
  torch::Tensor result = at::cat({at::cos(angles), at::sin(angles)}, -1);
  if (features % 2) result = at::constant_pad_nd(result, {0, 1});
  return result;
}

TimestepEmbeddingImpl::TimestepEmbeddingImpl(std::int64_t in_channels, std::int64_t hidden,
                                             std::int64_t out_channels)
    : linear_1(register_module("linear_1", Linear(in_channels, hidden))),
      linear_2(register_module("linear_2", Linear(hidden, out_channels))) {}

torch::Tensor TimestepEmbeddingImpl::forward(const torch::Tensor& x) {
  return linear_2(at::silu(linear_1(x)));
}

}  // namespace vdd::nn
