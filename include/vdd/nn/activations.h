// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/types.h>

#include <string>

namespace vdd::nn {

enum class Activation { kGelu, kQuickGelu, kSilu, kRelu };

/// Finds the activation that a published config names ("gelu", "quick_gelu", "silu" or "swish",
/// "relu"); `key` is for the ConfigError.
Activation parse_activation(const std::string& name, const std::string& key);

torch::Tensor activate(const torch::Tensor& x, Activation activation);

}  // namespace vdd::nn
