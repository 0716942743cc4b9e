// SPDX-License-Identifier: Apache-2.0
#include "vdd/nn/parameter_device.h"

#include <torch/torch.h>

#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::nn {
namespace {

struct Scope {
  torch::Device device = torch::kCPU;
  std::size_t most = SIZE_MAX, left = SIZE_MAX;
};
thread_local Scope scope;

}  // namespace

ParameterDevice::ParameterDevice(torch::Device device, std::size_t most)
    : device_(scope.device), most_(scope.most), left_(scope.left) {
  scope = {.device = device, .most = most, .left = most};
}

ParameterDevice::~ParameterDevice() {
  scope = {.device = device_, .most = most_, .left = left_};
}

torch::Tensor empty_parameter(torch::IntArrayRef shape) {
  if (scope.left == 0) throw ShapeError(concat("a model of more than ", scope.most, " tensors"));
  --scope.left;
  return torch::empty(shape, torch::TensorOptions(torch::kFloat32).device(scope.device));
}

}  // namespace vdd::nn
