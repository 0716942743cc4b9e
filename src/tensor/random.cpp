// SPDX-License-Identifier: Apache-2.0
#include "vdd/tensor/random.h"

#include <ATen/CPUGeneratorImpl.h>
#include <torch/torch.h>

namespace vdd::tensor {

at::Generator make_generator(std::uint64_t seed) {
  return at::detail::createCPUGenerator(seed);
}

torch::Tensor randn(torch::IntArrayRef shape, std::uint64_t seed) {
  return torch::randn(shape, make_generator(seed), torch::dtype(torch::kFloat32));
}

}  // namespace vdd::tensor
