// SPDX-License-Identifier: Apache-2.0
#include "vdd/core/random.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

namespace vdd {
namespace {

TEST(DeriveSeed, IsWhatTheDocumentedPythonLineGives) {
  EXPECT_EQ(derive_seed(0, 0, "noise"), 3996060282951318774u);
  EXPECT_EQ(derive_seed(UINT64_MAX, -1, "clip"), 7485702004393245885u);
  EXPECT_EQ(derive_seed(7, 123456789, ""), 8412336980165567291u);
}

TEST(Random, IsSplitMix64) {
  // The published sequence of splitmix64.c for the seed 1234567.
  Random random(1234567);
  for (const std::uint64_t expected :
       {6457827717110365317u, 3203168211198807973u, 9817491932198370423u, 4593380528125082431u,
        16408922859458223821u}) {
    EXPECT_EQ(random.next(), expected);
  }
}

TEST(Random, UniformStaysInsideItsBounds) {
  Random random(1);
  double sum = 0;
  for (int i = 0; i < 100'000; ++i) {
    const double value = random.uniform();
    ASSERT_GE(value, 0.0);
    ASSERT_LT(value, 1.0);
    sum += value;
  }
  // Standard error of the mean: 1/sqrt(12 * 1e5) = 0.0009.
  EXPECT_NEAR(sum / 100'000, 0.5, 0.005);
  const double between = random.uniform(-3, -2);
  EXPECT_TRUE(between >= -3 && between < -2);
}

TEST(Random, BelowGivesEveryValueEquallyOften) {
  Random random(2);
  std::array<int, 7> count{};
  for (int i = 0; i < 70'000; ++i) ++count.at(static_cast<std::size_t>(random.below(7)));
  // Standard deviation of a count: sqrt(70000 * 6/49) = 93.
  for (const int c : count) EXPECT_NEAR(c, 10'000, 500);
  EXPECT_EQ(random.below(1), 0);
}

TEST(Random, CoinAndNormalHaveTheirMoments) {
  Random random(3);
  const int n = 100'000;
  int heads = 0;
  double sum = 0, squares = 0;
  for (int i = 0; i < n; ++i) {
    heads += random.coin(0.25);
    const double value = random.normal();
    ASSERT_TRUE(std::isfinite(value));
    sum += value;
    squares += value * value;
  }
  // Standard errors: 137 heads; 0.0032 of the mean; 0.0045 of the variance.
  EXPECT_NEAR(heads, 0.25 * n, 700);
  EXPECT_NEAR(sum / n, 0, 0.016);
  EXPECT_NEAR(squares / n, 1, 0.023);
  EXPECT_FALSE(random.coin(0));
  EXPECT_TRUE(random.coin(1));
}

}  // namespace
}  // namespace vdd
