// SPDX-License-Identifier: Apache-2.0
#include "vdd/nn/parameter_device.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/nn/transformer_temporal.h"

namespace vdd::nn {
namespace {

bool all_on(const torch::nn::Module& module, torch::DeviceType device) {
  for (const torch::Tensor& parameter : module.parameters()) {
    if (parameter.device().type() != device) return false;
  }
  return true;
}

TEST(ParameterDevice, HoldsForEveryParameterMadeInItsScope) {
  const TransformerSpatioTemporalConfig config{
      .channels = 32, .heads = 2, .num_layers = 1, .cross_attention_dim = 8};
  {
    const ParameterDevice meta(torch::kMeta);
    EXPECT_TRUE(all_on(*TransformerSpatioTemporalModel(config), torch::kMeta));
    EXPECT_TRUE(all_on(*Conv2d(Conv2dConfig{.in_channels = 2, .out_channels = 3}), torch::kMeta));
    {
      const ParameterDevice cpu(torch::kCPU);
      EXPECT_TRUE(all_on(*Linear(2, 3), torch::kCPU));
    }
    EXPECT_TRUE(all_on(*Linear(2, 3), torch::kMeta));
  }
  EXPECT_TRUE(all_on(*TransformerSpatioTemporalModel(config), torch::kCPU));
}

TEST(ParameterDevice, AModelOfMoreParametersThanAllowedIsRefused) {
  const ParameterDevice meta(torch::kMeta, 5);
  const Linear first(2, 3);
  {
    const ParameterDevice inner(torch::kMeta);
    for (int i = 0; i < 10; ++i) const Linear inside(2, 3);
  }
  const Linear second(2, 3);
  EXPECT_EQ(test::thrown<ShapeError>([] { Linear(2, 3); }), "a model of more than 5 tensors");
}

}  // namespace
}  // namespace vdd::nn
