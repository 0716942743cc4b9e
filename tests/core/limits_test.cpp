// SPDX-License-Identifier: Apache-2.0
#include "vdd/core/limits.h"

#include <gtest/gtest.h>

#include <cmath>

namespace vdd::test {
namespace {

enum class Side { kLeft, kRight };
constexpr auto names(Side) {
  return enum_names<Side>({{Side::kLeft, "left"}, {Side::kRight, "right"}});
}

TEST(Limits, SayWhatIsWrongOfAValue) {
  const Limits limits = limits_of<std::int64_t>(in_range(1, 256), multiple_of(64));
  EXPECT_EQ(limits.violation(std::int64_t{64}), std::nullopt);
  EXPECT_EQ(limits.violation(std::int64_t{0}), "must be in [1, 256]");
  EXPECT_EQ(limits.violation(std::int64_t{65}), "must be a multiple of 64");
  EXPECT_EQ(limits_of<double>(positive).violation(0.0), "must be > 0");
  EXPECT_EQ(limits_of<std::string>(non_empty).violation(std::string()), "must not be empty");
}

TEST(Limits, ANumberIsFinite) {
  for (const double value : {std::nan(""), HUGE_VAL, -HUGE_VAL})
    EXPECT_EQ(limits_of<double>().violation(value), "must be a finite number");
}

TEST(Limits, AListHasItsSize) {
  const Limits limits = limits_of<std::vector<double>>(list_size(2));
  EXPECT_EQ(limits.size_violation(2), std::nullopt);
  EXPECT_EQ(limits.size_violation(0), "must have 2 elements, got 0");
  EXPECT_EQ(limits_of<std::vector<double>>(non_empty).size_violation(0), "must not be empty");
}

TEST(Limits, TheChoicesOfAnEnumAreItsNames) {
  for (const Limits& limits :
       {limits_of<Side>(), limits_of<std::vector<Side>>(), limits_of<std::optional<Side>>()}) {
    EXPECT_EQ(limits.describe(), "one of left, right");
    EXPECT_EQ(limits.violation(std::string("up")), "must be one of left, right");
  }
}

TEST(Limits, AreDescribedTogether) {
  EXPECT_EQ(limits_of<std::int64_t>().describe(), "");
  EXPECT_EQ(
      limits_of<std::vector<std::int64_t>>(positive, multiple_of(32), list_size(4)).describe(),
      "> 0; a multiple of 32; 4 elements");
}

}  // namespace
}  // namespace vdd::test
