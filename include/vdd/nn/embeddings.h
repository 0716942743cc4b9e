// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "vdd/nn/layers.h"

namespace vdd::nn {

/// Sinusoids of real numbers: t [n] -> [n, features] float32, row i = [cos(t_i f_k)..., sin(t_i
/// f_k)...] with f_k = 10000^(-k / (features/2)); an odd number of features ends with a zero.
/// Source: diffusers Timesteps(features, flip_sin_to_cos=True, downscale_freq_shift=0).
torch::Tensor sinusoids(const torch::Tensor& t, std::int64_t features);

/// Linear, SiLU, linear. Source: diffusers TimestepEmbedding.
class TimestepEmbeddingImpl : public torch::nn::Module {
 public:
  TimestepEmbeddingImpl(std::int64_t in_channels, std::int64_t hidden, std::int64_t out_channels);
  torch::Tensor forward(const torch::Tensor& x);

 private:
  Linear linear_1, linear_2;
};
TORCH_MODULE(TimestepEmbedding);

}  // namespace vdd::nn
