// SPDX-License-Identifier: Apache-2.0
#include "vdd/nn/initialize.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/nn/transformer_temporal.h"

namespace vdd::nn {
namespace {

/// Checks that values fill [-bound, bound] evenly: their mean is 0 and their variance bound^2 / 3.
void expect_uniform(const torch::Tensor& values, double bound, double tolerance) {
  const torch::Tensor x = values.detach().to(torch::kFloat64) / bound;
  EXPECT_LE(x.abs().max().item<double>(), 1 + 1e-6);
  EXPECT_GT(x.max().item<double>(), 1 - tolerance);
  EXPECT_LT(x.min().item<double>(), tolerance - 1);
  EXPECT_NEAR(x.mean().item<double>(), 0, tolerance);
  EXPECT_NEAR(x.square().mean().item<double>(), 1.0 / 3, tolerance);
}

template <typename Layer>
void expect_fan_in(Layer layer, double fan_in) {
  SCOPED_TRACE(layer->name());
  initialize(*layer, 1);
  expect_uniform(layer->weight, 1 / std::sqrt(fan_in), 0.03);
  expect_uniform(layer->bias, 1 / std::sqrt(fan_in), 0.15);
}

/// Overwrites what happens to lie in the memory of the parameters.
void make_nan(const torch::nn::Module& module) {
  torch::NoGradGuard no_grad;
  for (const torch::Tensor& parameter : module.parameters()) {
    parameter.fill_(std::numeric_limits<double>::quiet_NaN());
  }
}

TEST(Initialize, WeightsAndBiasesAreUniformWithinOneOverTheRootOfTheFanIn) {
  expect_fan_in(Linear(100, 500), 100);
  expect_fan_in(Conv2d(Conv2dConfig{.in_channels = 8, .out_channels = 500}), 8 * 3 * 3);
  expect_fan_in(TemporalConv(16, 500), 16 * 3);
  // PyTorch counts the output channels of a transposed convolution.
  expect_fan_in(ConvTranspose2d(16, 500, 2), 500 * 2 * 2);
}

TEST(Initialize, NormsStartWithoutEffect) {
  GroupNorm group(64, 1e-6);
  LayerNorm layer(48);
  make_nan(*group);
  make_nan(*layer);
  initialize(*group, 1);
  initialize(*layer, 1);
  EXPECT_TRUE(torch::equal(group->weight, torch::ones({64})));
  EXPECT_TRUE(torch::equal(group->bias, torch::zeros({64})));
  EXPECT_TRUE(torch::equal(layer->weight, torch::ones({48})));
  EXPECT_TRUE(torch::equal(layer->bias, torch::zeros({48})));
}

TEST(Initialize, EmbeddingsAreStandardNormal) {
  Embedding table(200, 100);
  initialize(*table, 1);
  const torch::Tensor x = table->weight.detach();
  EXPECT_NEAR(x.mean().item<double>(), 0, 0.05);
  EXPECT_NEAR(x.square().mean().item<double>(), 1, 0.05);
  // The normal distribution has 0.27 % beyond three standard deviations: 54 of 20000.
  EXPECT_NEAR((x.abs() > 3).sum().item<double>(), 54, 40);
}

TEST(Initialize, WritesEveryParameter) {
  TransformerSpatioTemporalModel model(TransformerSpatioTemporalConfig{
      .channels = 32, .heads = 2, .num_layers = 1, .cross_attention_dim = 8});
  make_nan(*model);
  initialize(*model, 1);
  for (const auto& item : model->named_parameters()) {
    EXPECT_TRUE(item.value().isfinite().all().item<bool>()) << item.key();
    EXPECT_TRUE(item.value().requires_grad()) << item.key();
  }
}

TEST(Initialize, OneSeedGivesTheSameValuesAndAnotherOthers) {
  const auto drawn = [](std::uint64_t seed) {
    Linear layer(30, 20);
    initialize(*layer, seed);
    return at::cat({layer->weight.detach().flatten(), layer->bias.detach()});
  };
  EXPECT_TRUE(torch::equal(drawn(7), drawn(7)));
  EXPECT_FALSE((drawn(7) == drawn(8)).any().item<bool>());
}

TEST(Initialize, NoTwoTensorsAreTheSameDraws) {
  ModuleList<Linear> list;
  list->push_back(Linear(8, 8));
  list->push_back(Linear(8, 8));
  initialize(*list, 1);
  EXPECT_FALSE((list[0]->weight == list[1]->weight).any().item<bool>());
  EXPECT_FALSE((list[0]->weight[0] == list[0]->bias).any().item<bool>());
}

TEST(Initialize, TheOrderOfModulesDoesNotMatter) {
  const auto drawn = [](const std::vector<std::string>& names) {
    const auto parent = std::make_shared<torch::nn::Module>();
    for (const std::string& name : names) parent->register_module(name, Linear(4, 3));
    initialize(*parent, 1);
    return parent->named_parameters()["a.weight"];
  };
  EXPECT_TRUE(torch::equal(drawn({"a", "b"}), drawn({"b", "a"})));
}

TEST(Initialize, LeavesTheGlobalGeneratorAlone) {
  Linear layer(4, 3);
  torch::manual_seed(3);
  const torch::Tensor wanted = torch::rand({4});
  torch::manual_seed(3);
  initialize(*layer, 1);
  EXPECT_TRUE(torch::equal(torch::rand({4}), wanted));
}

TEST(Initialize, NamesTheModuleThatDoesNotSayHowItStarts) {
  const auto parent = std::make_shared<torch::nn::Module>();
  parent->register_module("body", Linear(2, 2));
  parent->register_module("head", torch::nn::Linear(2, 2));
  EXPECT_EQ(test::thrown<Error>([&] { initialize(*parent, 1); }),
            "head: a torch::nn::LinearImpl does not say how its parameters start");
}

}  // namespace
}  // namespace vdd::nn
