// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/types.h>

#include "vdd/core/enum_names.h"

namespace vdd::nn {

/// Activations by the names of published configs; swish is silu.
enum class Activation { kGelu, kQuickGelu, kSilu, kSwish, kRelu };
constexpr auto names(Activation) {
  return enum_names<Activation>({{Activation::kGelu, "gelu"},
                                 {Activation::kQuickGelu, "quick_gelu"},
                                 {Activation::kSilu, "silu"},
                                 {Activation::kSwish, "swish"},
                                 {Activation::kRelu, "relu"}});
}

torch::Tensor activate(const torch::Tensor& x, Activation activation);

}  // namespace vdd::nn
