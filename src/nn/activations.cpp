// SPDX-License-Identifier: Apache-2.0
#include "vdd/nn/activations.h"

#include <torch/torch.h>

#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::nn {

Activation parse_activation(const std::string& name, const std::string& key) {
  if (name == "gelu") return Activation::kGelu;
  if (name == "quick_gelu") return Activation::kQuickGelu;
  if (name == "silu" || name == "swish") return Activation::kSilu;
  if (name == "relu") return Activation::kRelu;
  throw ConfigError(concat(key, ": unknown activation '", escape(name),
                           "'; wanted gelu, quick_gelu, silu, swish or relu"));
}

torch::Tensor activate(const torch::Tensor& x, Activation activation) {
  switch (activation) {
    case Activation::kGelu:
      return at::gelu(x);
    case Activation::kQuickGelu:
      return x * at::sigmoid(1.702 * x);
    case Activation::kSilu:
      return at::silu(x);
    case Activation::kRelu:
      return at::relu(x);
  }
  throw Error("unknown activation");
}

}  // namespace vdd::nn
