// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/types.h>

#include <map>
#include <optional>
#include <set>
#include <string>

namespace vdd::models {

/// Intermediate outputs of one forward pass by module path ("mid_block", "up_blocks.1");
/// "up_blocks.0.pre_upsample" is the input of that block's upsampler. With `only`, nothing else is
/// kept alive.
struct Taps {
  std::map<std::string, torch::Tensor> tensors = {};
  std::optional<std::set<std::string>> only = {};

  bool wants(const std::string& path) const { return !only || only->contains(path); }
  void set(const std::string& path, const torch::Tensor& value) {
    if (wants(path)) tensors[path] = value;
  }
};

/// Records `value` if taps are wanted, and returns it.
inline torch::Tensor tap(Taps* taps, const std::string& path, const torch::Tensor& value) {
  if (taps) taps->set(path, value);
  return value;
}

}  // namespace vdd::models
