// SPDX-License-Identifier: Apache-2.0
#include "vdd/optim/amp.h"

#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>

#include "optim/train_fixture.h"
#include "support/field_count.h"
#include "support/thrown.h"
#include "vdd/core/error.h"

namespace vdd::optim {
namespace {

torch::Dtype product_type() {
  return torch::mm(torch::ones({2, 2}), torch::ones({2, 2})).scalar_type();
}

TEST(Autocast, EndsWithItsScope) {
  EXPECT_EQ(product_type(), torch::kFloat32);
  {
    const Autocast bf16(torch::kCPU, torch::kBFloat16);
    EXPECT_EQ(product_type(), torch::kBFloat16);
    {
      const Autocast off(torch::kCPU, torch::kFloat32);
      EXPECT_EQ(product_type(), torch::kFloat32);
    }
    {
      const Autocast fp16(torch::kCPU, torch::kFloat16);
      EXPECT_EQ(product_type(), torch::kFloat16);
    }
    EXPECT_EQ(product_type(), torch::kBFloat16);
  }
  EXPECT_EQ(product_type(), torch::kFloat32);
}

TEST(Autocast, ForgetsCastWeights) {
  const torch::Tensor weight = torch::ones({2, 2}).requires_grad_();
  for (const float value : {1.0F, 3.0F}) {
    weight.data().fill_(value);
    const Autocast bf16(torch::kCPU, torch::kBFloat16);
    EXPECT_EQ(torch::mm(weight, torch::eye(2)).sum().item<float>(), 4 * value);
  }
}

TEST(Autocast, GradientsAreFloat) {
  const torch::Tensor weight = torch::ones({2, 2}).requires_grad_();
  torch::Tensor product;
  {
    const Autocast bf16(torch::kCPU, torch::kBFloat16);
    product = torch::mm(weight, torch::ones({2, 2}));
  }
  product.to(torch::kFloat32).sum().backward();
  EXPECT_EQ(weight.grad().scalar_type(), torch::kFloat32);
  EXPECT_TRUE(weight.grad().eq(2).all().item<bool>());
}

const PrecisionConfig kScaling{.compute = "fp16",
                               .initial_scale = 1024,
                               .growth_factor = 4,
                               .backoff_factor = 0.5,
                               .growth_interval = 3};

TEST(LossScaler, MatchesGradScaler) {
  const torch::Tensor overflow = test::fixture("scaler.overflow"),
                      scale = test::fixture("scaler.scale");
  LossScaler scaler(kScaling);
  for (int64_t k = 0; k < scale.numel(); ++k) {
    EXPECT_EQ(scaler.scale(), scale[k].item<double>()) << k;
    scaler.update(overflow[k].item<bool>());
    LossScaler resumed(kScaling);
    resumed.load_state(scaler.state());
    scaler = resumed;
  }
}

TEST(LossScaler, StaysWithinFloat) {
  PrecisionConfig config = kScaling;
  config.initial_scale = 3e38;
  config.growth_interval = 1;
  LossScaler scaler(config);
  scaler.update(false);
  EXPECT_EQ(scaler.scale(), 3e38);
}

TEST(LossScaler, GivesUpOnEndlessOverflow) {
  LossScaler scaler(kScaling);
  const auto overflow = [&] {
    for (int i = 0; i < 100; ++i) scaler.update(true);
  };
  const std::string message = test::thrown<NonFiniteError>(overflow);
  EXPECT_EQ(message.rfind("gradients overflow at any loss scale", 0), 0) << message;
}

TEST(LossScaler, OneWithoutHalfPrecision) {
  for (const std::string compute : {"fp32", "bf16"}) {
    LossScaler scaler({.compute = compute, .growth_interval = 1});
    EXPECT_FALSE(scaler.enabled());
    scaler.update(false);
    EXPECT_EQ(scaler.scale(), 1);
  }
}

TEST(PrecisionConfig, EveryFieldIsListed) {
  EXPECT_EQ(test::listed_fields<PrecisionConfig>(), test::count_members<PrecisionConfig>());
}

}  // namespace
}  // namespace vdd::optim
