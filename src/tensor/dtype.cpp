// SPDX-License-Identifier: Apache-2.0
#include "vdd/tensor/dtype.h"

#include <cstdint>

#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::tensor {
namespace {

/// NaN and infinity are the values whose exponent bits are all set.
template <typename Bits>
bool no_full_exponent(const torch::Tensor& tensor, Bits exponent) {
  const Bits* values = static_cast<const Bits*>(tensor.const_data_ptr());
  const int64_t count = tensor.numel();
  constexpr int64_t kBlock = 4096;  // the inner loop has no exit, so that it vectorises
  for (int64_t begin = 0; begin < count; begin += kBlock) {
    const int64_t end = std::min(count, begin + kBlock);
    Bits found = 0;
    for (int64_t i = begin; i < end; ++i)
      found |= static_cast<Bits>((values[i] & exponent) == exponent);
    if (found != 0) return false;
  }
  return true;
}

}  // namespace

torch::Dtype parse_dtype(std::string_view name) {
  if (name == "fp32" || name == "float32") return torch::kFloat32;
  if (name == "fp16" || name == "float16") return torch::kFloat16;
  if (name == "bf16" || name == "bfloat16") return torch::kBFloat16;
  throw ConfigError(concat("dtype '", escape(name), "' is none of fp32, fp16, bf16"));
}

std::string dtype_name(torch::Dtype dtype) {
  switch (dtype) {
    case torch::kFloat64:
      return "fp64";
    case torch::kFloat32:
      return "fp32";
    case torch::kFloat16:
      return "fp16";
    case torch::kBFloat16:
      return "bf16";
    default:
      return c10::toString(dtype);
  }
}

bool all_finite(const torch::Tensor& tensor) {
  if (!tensor.device().is_cpu() || !tensor.is_non_overlapping_and_dense()) {
    return tensor.isfinite().all().item<bool>();
  }
  switch (tensor.scalar_type()) {
    case torch::kFloat64:
      return no_full_exponent<std::uint64_t>(tensor, 0x7FF0000000000000u);
    case torch::kFloat32:
      return no_full_exponent<std::uint32_t>(tensor, 0x7F800000u);
    case torch::kFloat16:
      return no_full_exponent<std::uint16_t>(tensor, 0x7C00u);
    case torch::kBFloat16:
      return no_full_exponent<std::uint16_t>(tensor, 0x7F80u);
    default:
      return !tensor.is_floating_point() || tensor.isfinite().all().item<bool>();
  }
}

}  // namespace vdd::tensor
