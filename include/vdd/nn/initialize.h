// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/nn/module.h>

#include <cstdint>

namespace vdd::nn {

/// Draws every parameter from PyTorch's default distribution for its kind of layer. The values
/// depend on `seed`, the layer's name and its sizes only, not on the order of modules. Works on the
/// CPU whatever the device of the module. Throws Error if a module owns parameters but does not say
/// how they start (nn::Initializable).
void initialize(torch::nn::Module& module, std::uint64_t seed);

}  // namespace vdd::nn
