// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "vdd/core/error.h"
#include "vdd/core/text.h"
#include "vdd/nn/parameter_device.h"
#include "vdd/tensor/state_dict.h"

namespace vdd::pipeline {

/// Throws DataError if `weights` do not fit the model of the config in `folder`. Takes no memory
/// for that model's numbers, so whoever builds it afterwards takes what the weights hold.
template <typename Model, typename Config>
void check_fit(const std::filesystem::path& folder, const Config& config,
               const tensor::TensorSource& weights) {
  // Room for a message that names what is missing, none for a model that never ends.
  const std::size_t most = 2 * weights.tensors().size() + 1000;
  const nn::ParameterDevice meta(torch::kMeta, most);
  try {
    tensor::check_state(*Model(config), weights);
  } catch (const ShapeError& e) {
    throw DataError(folder / "config.json", concat("describes ", e.what(), "; its weights hold ",
                                                   weights.tensors().size()));
  }
}

}  // namespace vdd::pipeline
