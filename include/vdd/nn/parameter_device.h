// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/types.h>

#include <cstddef>
#include <cstdint>

namespace vdd::nn {

/// Modules that this thread makes while the object lives have their parameters on `device`, else
/// on the CPU. A module cannot move to or from the meta device later, as it can between others.
class ParameterDevice {
 public:
  /// The parameter after the first `most` is a ShapeError.
  explicit ParameterDevice(torch::Device device, std::size_t most = SIZE_MAX);
  ~ParameterDevice();
  ParameterDevice(const ParameterDevice&) = delete;
  ParameterDevice& operator=(const ParameterDevice&) = delete;

 private:
  torch::Device device_;  // of the scope around this one, as the numbers
  std::size_t most_, left_;
};

/// Uninitialised float32 memory for a parameter of a new module. Throws ShapeError.
torch::Tensor empty_parameter(torch::IntArrayRef shape);

}  // namespace vdd::nn
