// SPDX-License-Identifier: Apache-2.0
#include "vdd/optim/optimizer.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "optim/train_fixture.h"
#include "support/field_count.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::optim {
namespace {

using test::fixture;
using test::start;
using torch::Tensor;

void set_gradients(const tensor::NamedTensors& parameters, int64_t step, double factor = 1) {
  for (const auto& [name, parameter] : parameters) {
    parameter.mutable_grad() = fixture(concat("grad.", step, '.', name)) * factor;
  }
}

/// The learning rate of the fixture is 1e-2 / step.
void run(Optimizer& optimizer, int64_t first, int64_t last) {
  for (int64_t step = first; step <= last; ++step) {
    set_gradients(optimizer.parameters(), step);
    optimizer.step(1.0 / static_cast<double>(step));
  }
}

void expect_equal_state(const tensor::NamedTensors& a, const tensor::NamedTensors& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i)
    EXPECT_TRUE(a[i].second.equal(b[i].second)) << a[i].first;
}

struct Variant {
  std::string name;
  OptimizerConfig config;
};

class OptimizerParity : public testing::TestWithParam<Variant> {};

TEST_P(OptimizerParity, MatchesTorchOptim) {
  const auto& [variant, config] = GetParam();
  Optimizer optimizer({{"all", start(), 1e-2}}, config);
  for (int64_t step = 1; step <= 6; ++step) {
    run(optimizer, step, step);
    for (const auto& [name, parameter] : optimizer.parameters()) {
      const Tensor expected = fixture(concat(variant, '.', step, '.', name));
      // Float32 rounding only: other machines may fuse other multiplications.
      EXPECT_LE((parameter.detach() - expected).abs().max().item<float>(), 3e-7)
          << step << ' ' << name;
    }
  }
  for (const auto& [name, value] : optimizer.state()) {
    EXPECT_TRUE(torch::allclose(value, fixture(concat(variant, ".state.", name)), 1e-6, 0)) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, OptimizerParity,
    testing::Values(Variant{"adam", {}}, Variant{"adam_decay", {.weight_decay = 0.1}},
                    Variant{"adamw",
                            {.type = OptimizerType::kAdamW,
                             .beta1 = 0.8,
                             .beta2 = 0.95,
                             .eps = 1e-6,
                             .weight_decay = 0.1}},
                    Variant{"muon",
                            {.type = OptimizerType::kMuon, .momentum = 0.9, .weight_decay = 0.1}}),
    [](const auto& variant) { return variant.param.name; });

TEST(Optimizer, GroupsHaveTheirOwnRate) {
  const tensor::NamedTensors a = start(), b = start();
  Optimizer apart({{"first", {a[0], a[1]}, 1e-2}, {"second", {a[2]}, 5e-3}}, {});
  Optimizer whole({{"all", b, 1e-2}}, {});
  Optimizer half({{"all", start(), 5e-3}}, {});
  for (Optimizer* optimizer : {&apart, &whole, &half}) run(*optimizer, 1, 2);
  EXPECT_TRUE(a[0].second.equal(whole.parameters()[0].second));
  EXPECT_TRUE(a[1].second.equal(whole.parameters()[1].second));
  EXPECT_TRUE(a[2].second.equal(half.parameters()[2].second));
}

TEST(Optimizer, DividesGradients) {
  for (const OptimizerType type : {OptimizerType::kAdam, OptimizerType::kMuon}) {
    Optimizer plain({{"all", start(), 1e-2}}, {.type = type});
    Optimizer divided({{"all", start(), 1e-2}}, {.type = type});
    set_gradients(plain.parameters(), 1);
    set_gradients(divided.parameters(), 1, 64);
    plain.step(1);
    divided.step(1, 64);
    expect_equal_state(divided.parameters(), plain.parameters());
    expect_equal_state(divided.state(), plain.state());
  }
}

TEST(Optimizer, ThreadsChangeNoBit) {
  Optimizer alone({{"all", start(), 1e-2}}, {.type = OptimizerType::kMuon});
  Optimizer side_by_side({{"all", start(), 1e-2}}, {.type = OptimizerType::kMuon}, /*threads=*/3);
  for (Optimizer* optimizer : {&alone, &side_by_side}) run(*optimizer, 1, 3);
  expect_equal_state(side_by_side.parameters(), alone.parameters());
  expect_equal_state(side_by_side.state(), alone.state());
}

TEST(Optimizer, ContinuesFromStateInAnyOrderOfParameters) {
  for (const OptimizerType type : {OptimizerType::kAdam, OptimizerType::kMuon}) {
    Optimizer unbroken({{"all", start(), 1e-2}}, {.type = type});
    run(unbroken, 1, 6);

    Optimizer before({{"all", start(), 1e-2}}, {.type = type});
    run(before, 1, 3);
    tensor::NamedTensors reversed(before.parameters().rbegin(), before.parameters().rend());
    for (auto& [name, parameter] : reversed)
      parameter = parameter.detach().clone().requires_grad_();
    Optimizer after({{"all", reversed, 1e-2}}, {.type = type});
    after.load_state(*tensor::make_source(before.state(), "state"), before.updates());
    run(after, 4, 6);

    EXPECT_EQ(after.updates(), 6);
    tensor::NamedTensors result(after.parameters().rbegin(), after.parameters().rend());
    expect_equal_state(result, unbroken.parameters());
  }
}

TEST(Optimizer, LoadRefusesStateOfAnotherModel) {
  Optimizer optimizer({{"all", start(), 1e-2}}, {});
  run(optimizer, 1, 1);
  tensor::NamedTensors state = optimizer.state();
  state.pop_back();
  state[0].second = torch::ones({3});
  const std::string message = test::thrown<DataError>(
      [&] { optimizer.load_state(*tensor::make_source(state, "optimizer.safetensors"), 9); });
  EXPECT_NE(message.find("conv.weight.exp_avg_sq"), std::string::npos) << message;
  EXPECT_NE(message.find("bias.exp_avg [3] in the file"), std::string::npos) << message;
  EXPECT_EQ(optimizer.updates(), 1);
}

TEST(Optimizer, MissingGradientChangesNothing) {
  const tensor::NamedTensors parameters = start();
  Optimizer optimizer({{"all", parameters, 1e-2}}, {});
  set_gradients(parameters, 1);
  parameters[2].second.mutable_grad().reset();
  EXPECT_EQ(test::thrown<Error>([&] { optimizer.step(1); }),
            "optimizer: conv.weight has no gradient");
  expect_equal_state(parameters, start());
  EXPECT_EQ(optimizer.updates(), 0);
}

TEST(Optimizer, GradientLaidOutInAnotherWay) {
  const tensor::NamedTensors a = start(), b = start();
  Optimizer optimizer({{"all", a, 1e-2}}, {}), other({{"all", b, 1e-2}}, {});
  set_gradients(a, 1);
  set_gradients(b, 1);
  const Tensor& grad = b[2].second.grad();
  b[2].second.mutable_grad() = grad.contiguous(torch::MemoryFormat::ChannelsLast);
  optimizer.step(1);
  other.step(1);
  expect_equal_state(a, b);
}

TEST(Optimizer, RefusesHalfPrecisionAndRepeats) {
  const Tensor half = torch::zeros({2}, torch::kBFloat16).requires_grad_();
  EXPECT_EQ(test::thrown<ConfigError>([&] {
              Optimizer({{"all", {{"x", half}}, 1}}, {});
            }),
            "optimizer: x is bf16, but weights train in fp32");
  const auto p = start();
  EXPECT_EQ(test::thrown<ConfigError>([&] {
              Optimizer({{"all", {p[0], p[0]}, 1}}, {});
            }),
            "optimizer: bias is there twice");
  test::thrown<ConfigError>([&] { Optimizer({}, {}); });
}

TEST(Optimizer, EveryFieldIsListed) {
  EXPECT_EQ(test::listed_fields<OptimizerConfig>(), test::count_members<OptimizerConfig>());
}

}  // namespace
}  // namespace vdd::optim
