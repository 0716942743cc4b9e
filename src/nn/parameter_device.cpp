// SPDX-License-Identifier: Apache-2.0
#include "vdd/nn/parameter_device.h"

#include <torch/torch.h>

#include <utility>

namespace vdd::nn {
namespace {

thread_local torch::Device current = torch::kCPU;

}  // namespace

ParameterDevice::ParameterDevice(torch::Device device) : before_(std::exchange(current, device)) {}

ParameterDevice::~ParameterDevice() {
  current = before_;
}

torch::Tensor empty_parameter(torch::IntArrayRef shape) {
  return torch::empty(shape, torch::TensorOptions(torch::kFloat32).device(current));
}

}  // namespace vdd::nn
