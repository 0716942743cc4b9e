// SPDX-License-Identifier: Apache-2.0
#include "vdd/config/leaves.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/example.h"
#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"

namespace vdd::test {
namespace {

TEST(Leaves, OfAWrittenConfigAreThoseOfItsStruct) {
  const TempDir temp;
  ExampleConfig config;
  config.note = "yes: \"no\" # 1e5\n";
  config.name = "null";
  config.patterns = {"*", "a, b", "0x10", "", std::string(90, 'x')};
  config.layers = {};
  config.sources = {{SourceKind::kVkitti2, 2}, {SourceKind::kVideo, 0.1}};
  const auto file = temp.write("c.yaml", config::to_yaml(config));
  EXPECT_EQ(config::read_leaves(file), config::to_leaves(config));
  config.sources = {};
  temp.write("c.yaml", config::to_yaml(config));
  EXPECT_EQ(config::read_leaves(file), config::to_leaves(config));
}

TEST(Leaves, OfNothingAreNone) {
  const TempDir temp;
  EXPECT_TRUE(config::read_leaves(temp.write("c.yaml", "")).empty());
}

TEST(Leaves, NameThePlaceOfAnError) {
  const TempDir temp;
  const auto file = temp.write("c.yaml", "a: 1\na: 2\n");
  EXPECT_THAT(thrown<ConfigError>([&] { config::read_leaves(file); }),
              testing::HasSubstr("c.yaml:2:1: a: duplicate key"));
}

}  // namespace
}  // namespace vdd::test
