// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/types.h>

namespace vdd::optim {

/// `grad` in the memory order of its parameter, copied only if it has another.
inline torch::Tensor laid_out_like(const torch::Tensor& parameter, const torch::Tensor& grad) {
  return grad.strides() == parameter.strides() ? grad : torch::empty_like(parameter).copy_(grad);
}

}  // namespace vdd::optim
