// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

namespace vdd::metrics {

/// Copies a tensor to the CPU in double, where it is not that already; contiguous, without history.
inline at::Tensor as_double(const at::Tensor& x) {
  return x.detach().to(at::kCPU, at::kDouble).contiguous();
}

}  // namespace vdd::metrics
