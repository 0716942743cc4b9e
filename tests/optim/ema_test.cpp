// SPDX-License-Identifier: Apache-2.0
#include "vdd/optim/ema.h"

#include <gtest/gtest.h>

#include "optim/train_fixture.h"
#include "support/field_count.h"
#include "vdd/core/text.h"

namespace vdd::optim {
namespace {

using test::fixture;
using torch::Tensor;

TEST(Ema, MatchesDiffusers) {
  const Tensor parameter = fixture("ema.parameter.0");
  auto ema = std::make_unique<Ema>(tensor::NamedTensors{{"x", parameter}}, EmaConfig{.decay = 0.6});
  for (int k = 1; k <= 20; ++k) {
    Tensor(parameter).copy_(fixture(concat("ema.parameter.", k)));
    ema->update();
    const Tensor average = ema->state()[0].second;
    EXPECT_LE((average - fixture(concat("ema.average.", k))).abs().max().item<float>(), 3e-7) << k;

    // State by name goes on where it was.
    auto resumed =
        std::make_unique<Ema>(tensor::NamedTensors{{"x", parameter}}, EmaConfig{.decay = 0.6});
    resumed->load_state(*tensor::make_source(ema->state(), "ema"), ema->updates());
    ema = std::move(resumed);
  }
}

TEST(Ema, WeightsAreExchangedForAScope) {
  const Tensor parameter = fixture("ema.parameter.0").requires_grad_();
  Ema ema({{"x", parameter}}, {});
  const Tensor average = parameter.detach().clone();
  parameter.data().add_(1);
  const Tensor trained = parameter.detach().clone();
  {
    const EmaWeights weights(&ema);
    EXPECT_TRUE(parameter.equal(average));
    EXPECT_TRUE(parameter.requires_grad());
  }
  EXPECT_TRUE(parameter.equal(trained));
  EXPECT_TRUE(ema.state()[0].second.equal(average));
  const EmaWeights none(nullptr);
}

TEST(Ema, EveryFieldIsListed) {
  EXPECT_EQ(test::listed_fields<EmaConfig>(), test::count_members<EmaConfig>());
}

}  // namespace
}  // namespace vdd::optim
