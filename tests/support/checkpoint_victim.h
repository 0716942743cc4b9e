// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace vdd::test {

/// The files of a small checkpoint: a pure function of the step, so that any process can tell
/// whether one is right.
inline std::vector<std::pair<std::string, std::string>> victim_files(std::int64_t step) {
  const std::string mark = "step " + std::to_string(step) + '\n';
  return {{"trainer/state.json", mark},
          {"unet/config.json", "{}\n"},
          {"unet/diffusion_pytorch_model.safetensors",
           std::string(20'000, static_cast<char>('a' + step)) + mark}};
}

}  // namespace vdd::test
