// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/torch.h>

#include <cmath>
#include <regex>
#include <string>

#include "vdd/core/random.h"
#include "vdd/tensor/random.h"

namespace vdd::test {

/// The parameters of tools/reference/parity.py, `value`: so fixtures need not hold them.
inline void fill_parameters(torch::nn::Module& module, std::uint64_t seed) {
  torch::NoGradGuard no_grad;
  for (auto& item : module.named_parameters()) {
    const std::string& name = item.key();
    torch::Tensor& p = item.value();
    const torch::Tensor noise = tensor::randn(p.sizes(), derive_seed(seed, 0, name));
    static const std::regex kNormWeight(R"(.*norm[^.]*(\.\d+)?\.weight)");
    const bool norm_weight = std::regex_match(name, kNormWeight);
    if (name.ends_with("mix_factor")) {
      p.copy_(0.8 + 0.3 * noise);
    } else if (norm_weight) {
      p.copy_(1 + 0.2 * noise);
    } else if (p.dim() == 1) {
      p.copy_(0.1 * noise);
    } else {
      const std::int64_t fan_in = p.numel() / p.size(0);
      p.copy_(noise / std::sqrt(static_cast<double>(fan_in)));
    }
  }
}

}  // namespace vdd::test
