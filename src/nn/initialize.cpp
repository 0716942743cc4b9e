// SPDX-License-Identifier: Apache-2.0
#include "vdd/nn/initialize.h"

#include <torch/torch.h>

#include "vdd/core/error.h"
#include "vdd/core/random.h"
#include "vdd/core/text.h"
#include "vdd/nn/layers.h"
#include "vdd/tensor/random.h"

namespace vdd::nn {

void initialize(torch::nn::Module& module, std::uint64_t seed) {
  for (const auto& item : module.named_modules("", /*include_self=*/true)) {
    torch::nn::Module& child = *item.value();
    if (child.parameters(/*recurse=*/false).empty()) continue;
    auto* layer = dynamic_cast<Initializable*>(&child);
    if (!layer) {
      throw Error(
          concat(item.key(), ": a ", child.name(), " does not say how its parameters start"));
    }
    layer->reset_parameters(tensor::make_generator(derive_seed(seed, 0, item.key())));
  }
}

}  // namespace vdd::nn
