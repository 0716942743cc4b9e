// SPDX-License-Identifier: Apache-2.0
#include "vdd/optim/lr_schedule.h"

#include <gtest/gtest.h>

#include "optim/train_fixture.h"
#include "support/field_count.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::optim {
namespace {

TEST(LrSchedule, MatchesReference) {
  for (const LrShape shape : {LrShape::kExponential, LrShape::kCosine}) {
    const torch::Tensor expected = test::fixture(concat("schedule.", to_name(shape)));
    for (int64_t n = 1; n <= 40; ++n) {
      EXPECT_NEAR(lr_factor({.shape = shape, .warmup = 10}, n, 30), expected[n].item<double>(),
                  1e-12)
          << to_name(shape) << ' ' << n;
      EXPECT_NEAR(lr_factor({.shape = shape, .warmup = 10, .length = 30}, n, 1000),
                  expected[n].item<double>(), 1e-12);
    }
  }
}

TEST(LrSchedule, ConstantAfterWarmup) {
  const LrScheduleConfig config{.warmup = 4};
  EXPECT_EQ(lr_factor(config, 1, 2), 0.25);
  EXPECT_EQ(lr_factor(config, 3, 2), 0.75);
  EXPECT_EQ(lr_factor(config, 4, 2), 1);
  EXPECT_EQ(lr_factor(config, 1'000'000, 2), 1);
  EXPECT_EQ(lr_factor({.warmup = 0}, 1, 2), 1);
}

TEST(LrSchedule, DecayOfNoLengthIsRefused) {
  EXPECT_EQ(
      test::thrown<ConfigError>(
          [] { lr_factor({.shape = LrShape::kCosine, .warmup = 100}, 1, 100); }),
      "lr_schedule.length: the cosine decay ends after 100 updates, within the warm-up of 100");
}

TEST(LrSchedule, EveryFieldIsListed) {
  EXPECT_EQ(test::listed_fields<LrScheduleConfig>(), test::count_members<LrScheduleConfig>());
}

}  // namespace
}  // namespace vdd::optim
