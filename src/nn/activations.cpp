// SPDX-License-Identifier: Apache-2.0
#include "vdd/nn/activations.h"

#include <torch/torch.h>

#include "vdd/core/error.h"

namespace vdd::nn {

torch::Tensor activate(const torch::Tensor& x, Activation activation) {
  switch (activation) {
    case Activation::kGelu:
      return at::gelu(x);
    case Activation::kQuickGelu:
      return x * at::sigmoid(1.702 * x);
    case Activation::kSilu:
    case Activation::kSwish:
      return at::silu(x);
    case Activation::kRelu:
      return at::relu(x);
  }
  throw Error("unknown activation");
}

}  // namespace vdd::nn
