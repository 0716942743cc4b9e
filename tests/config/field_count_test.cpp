// SPDX-License-Identifier: Apache-2.0
#include "support/field_count.h"

#include <gtest/gtest.h>

#include "config/example.h"

namespace vdd::test {
namespace {

struct Empty {
  constexpr void fields(auto&) {}
};

struct Forgetful {
  double a = 1;
  std::optional<double> b;
  constexpr void fields(auto& f) { f("a", a, "listed"); }
};

TEST(FieldCount, CountsTheMembersOfAnAggregate) {
  EXPECT_EQ(count_members<Empty>(), 0u);
  EXPECT_EQ(count_members<SourceConfig>(), 2u);
  EXPECT_EQ(count_members<OptimizerConfig>(), 3u);
  EXPECT_EQ(count_members<ExampleConfig>(), 19u);
}

TEST(FieldCount, FindsTheMemberThatIsNotListed) {
  EXPECT_EQ(listed_fields<ExampleConfig>(), count_members<ExampleConfig>());
  EXPECT_EQ(listed_fields<Forgetful>() + 1, count_members<Forgetful>());
}

}  // namespace
}  // namespace vdd::test
