// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/torch.h>

#include <string>

#include "vdd/io/safetensors.h"

namespace vdd::test {

/// A tensor that tools/reference/make_train_fixtures.py wrote.
inline torch::Tensor fixture(const std::string& name) {
  static const io::SafetensorsFile file(VDD_FIXTURES "/train.safetensors");
  return file.get(name).clone();
}

}  // namespace vdd::test
