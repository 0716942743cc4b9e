// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/torch.h>

namespace vdd::losses {

/// Half precision becomes float32; double stays.
inline at::Tensor at_least_float(const at::Tensor& x) {
  return x.to(at::promote_types(x.scalar_type(), at::kFloat));
}

}  // namespace vdd::losses
