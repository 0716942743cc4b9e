// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <utility>
#include <vector>

namespace vdd::losses {

/// A loss to differentiate and what it is made of, for the log: scalars before weighting, detached,
/// in a fixed order.
struct LossParts {
  at::Tensor total;
  std::vector<std::pair<std::string, at::Tensor>> parts;
};

}  // namespace vdd::losses
