// SPDX-License-Identifier: Apache-2.0
#include "vdd/core/enum_names.h"

#include <gtest/gtest.h>

namespace vdd::test {
namespace {

enum class Fruit { kApple, kPear, kQuince };
constexpr auto names(Fruit) {
  return enum_names<Fruit>({{Fruit::kPear, "pear"}, {Fruit::kApple, "apple"}});
}

enum class Nameless { kOne };

static_assert(NamedEnum<Fruit>);
static_assert(!NamedEnum<Nameless> && !NamedEnum<int>);
static_assert(to_name(Fruit::kApple) == "apple");
static_assert(parse_name<Fruit>("pear") == Fruit::kPear);

TEST(EnumNames, OnlyAWholeNameIsAValue) {
  for (const char* text : {"", "Pear", "pea", "pears", " pear", "quince"})
    EXPECT_EQ(parse_name<Fruit>(text), std::nullopt) << text;
}

TEST(EnumNames, AreListedInTheOrderOfTheTable) {
  EXPECT_EQ(all_names<Fruit>(), (std::vector<std::string>{"pear", "apple"}));
}

TEST(EnumNames, AValueWithoutANameHasAnEmptyOne) {
  EXPECT_EQ(to_name(Fruit::kQuince), "");
}

}  // namespace
}  // namespace vdd::test
