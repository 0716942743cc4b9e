// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/types.h>

#include <optional>
#include <string>
#include <string_view>

namespace vdd::tensor {

/// Parses "fp32", "fp16" or "bf16" (also "float32", "float16", "bfloat16"). Throws ConfigError on
/// anything else.
torch::Dtype parse_dtype(std::string_view name);

/// Names a type: "fp32", "fp16", "bf16", "fp64", and LibTorch's own name for the rest.
std::string dtype_name(torch::Dtype dtype);

/// Returns false if any element is NaN or infinite; true for types that know neither. A dense CPU
/// tensor is read once, without temporaries.
bool all_finite(const torch::Tensor& tensor);

}  // namespace vdd::tensor
