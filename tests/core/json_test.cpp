// SPDX-License-Identifier: Apache-2.0
#include "vdd/core/json.h"

#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

namespace vdd {
namespace {

std::string nested(int depth, const std::string& open = "[", const std::string& close = "]") {
  std::string text;
  for (int i = 0; i < depth; ++i) text += open;
  text += '1';
  for (int i = 0; i < depth; ++i) text += close;
  return text;
}

std::string object_of(int members) {
  std::string text = "{";
  for (int i = 0; i < members; ++i) text += (i > 0 ? ",\"" : "\"") + std::to_string(i) + "\":0";
  return text + '}';
}

TEST(Json, KeepsTheOrderOfMembers) {
  EXPECT_EQ(parse_json(R"({"b": [1, 2.5], "a": "x:[{\"\\"})").dump(),
            R"({"b":[1,2.5],"a":"x:[{\"\\"})");
}

TEST(Json, WhatIsNoWholeDocumentIsDiscarded) {
  for (const std::string text : {"", "{", "{} {}", "]", "[1,]", "nan", "\"\xff\""})
    EXPECT_TRUE(parse_json(text).is_discarded()) << text;
  EXPECT_TRUE(parse_json(std::string("{}\0{", 4)).is_discarded());
}

TEST(Json, NestsSixtyFourDeepAndNoDeeper) {
  EXPECT_EQ(parse_json(nested(64)).dump(), nested(64));
  EXPECT_TRUE(parse_json(nested(65)).is_discarded());
  EXPECT_TRUE(parse_json(nested(65, "{\"a\":", "}")).is_discarded());
  EXPECT_TRUE(parse_json("{\"a\": [], \"b\": " + nested(1 << 20) + "}").is_discarded());
  EXPECT_TRUE(parse_json(std::string(1 << 20, '[')).is_discarded());
  const std::string quoted = '"' + nested(100) + '"';
  EXPECT_EQ(parse_json(quoted).dump(), quoted);
}

TEST(Json, AnObjectOfVeryManyMembersIsDiscardedAtOnce) {
  EXPECT_EQ(parse_json(object_of(1024)).size(), 1024u);
  EXPECT_EQ(parse_json('[' + object_of(1024) + ',' + object_of(1024) + ']').size(), 2u);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(parse_json(object_of(1 << 18)).is_discarded());  // minutes, if it were parsed
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

}  // namespace
}  // namespace vdd
