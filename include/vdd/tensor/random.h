// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/types.h>

#include <cstdint>

namespace vdd::tensor {

/// A CPU generator; the same numbers as Python's torch.Generator().manual_seed(seed). Seeds come
/// from vdd::derive_seed.
at::Generator make_generator(std::uint64_t seed);

/// Standard normal, float32, CPU: the bytes of torch.randn(shape,
/// generator=torch.Generator().manual_seed(seed)).
torch::Tensor randn(torch::IntArrayRef shape, std::uint64_t seed);

}  // namespace vdd::tensor
