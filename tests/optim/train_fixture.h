// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/torch.h>

#include <string>

#include "vdd/io/safetensors.h"
#include "vdd/tensor/state_dict.h"

namespace vdd::test {

/// A tensor that tools/reference/make_train_fixtures.py wrote.
inline torch::Tensor fixture(const std::string& name) {
  static const io::SafetensorsFile file(VDD_FIXTURES "/train.safetensors");
  return file.get(name).clone();
}

/// The parameters that torch.optim started from.
inline tensor::NamedTensors start() {
  tensor::NamedTensors parameters;
  for (const std::string name : {"bias", "linear.weight", "conv.weight"}) {
    parameters.emplace_back(name, fixture("start." + name).requires_grad_());
  }
  return parameters;
}

}  // namespace vdd::test
