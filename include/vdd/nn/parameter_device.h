// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/types.h>

namespace vdd::nn {

/// Modules that this thread makes while the object lives have their parameters on `device`, else
/// on the CPU. A module cannot move to or from the meta device later, as it can between others.
class ParameterDevice {
 public:
  explicit ParameterDevice(torch::Device device);
  ~ParameterDevice();
  ParameterDevice(const ParameterDevice&) = delete;
  ParameterDevice& operator=(const ParameterDevice&) = delete;

 private:
  torch::Device before_;
};

/// Uninitialised float32 memory for a parameter of a new module.
torch::Tensor empty_parameter(torch::IntArrayRef shape);

}  // namespace vdd::nn
