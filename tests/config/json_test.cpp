// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/example.h"
#include "support/temp_dir.h"
#include "vdd/config/reader.h"
#include "vdd/config/writer.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::test {
namespace {

using ::testing::HasSubstr;

class Json : public ::testing::Test {
 protected:
  std::string refusal(std::string_view text) {
    const auto file = folder_.write("config.json", text);
    try {
      config::load_json<ExampleConfig>(file);
    } catch (const DataError& e) {
      const std::string start = file.string() + ": ", message = e.what();
      EXPECT_TRUE(message.starts_with(start)) << message;
      EXPECT_EQ(message.find('\n'), std::string::npos);
      return message.substr(start.size());
    }
    return "accepted";
  }

  TempDir folder_;
};

TEST_F(Json, UnknownAndPrivateKeysAreIgnoredAndMissingOnesKeepTheirDefault) {
  const auto file = folder_.write("config.json", R"({
    "_class_name": "Example", "_diffusers_version": "0.24.0.dev0", "act_fn": "silu", "nested": {"a": [1, {"b": null}]},
    "steps": 7, "lambda": 1, "layers": 3, "note": "caf\u00e9 \ud83d\ude00", "optimizer": {"lr": 2.5e-3, "extra": 1}})");
  const auto c = config::load_json<ExampleConfig>(file);
  EXPECT_EQ(c.steps, 7);
  EXPECT_EQ(c.lambda, 1);
  EXPECT_EQ(c.layers, (std::vector<std::int64_t>{3}));
  EXPECT_EQ(c.note, "caf\xC3\xA9 \xF0\x9F\x98\x80");
  EXPECT_EQ(c.optimizer.lr, 2.5e-3);
  EXPECT_EQ(c.size, ExampleConfig{}.size);
}

TEST_F(Json, RefusesDuplicatesWrongTypesAndRangesTogether) {
  EXPECT_EQ(refusal(R"({"steps": 1, "steps": 2})"), "steps: duplicate key");
  EXPECT_EQ(refusal(R"({"steps": 1, "st\u0065ps": 2})"), "steps: duplicate key");
  EXPECT_EQ(refusal(R"({"x": {"a": 1, "a": 2}})"), "x.a: duplicate key");
  EXPECT_EQ(refusal(R"({"steps": 1.0, "lambda": "0.5", "size": [64]})"),
            "steps: must be an integer, got '1.0'; lambda: must be a finite number, got the string "
            "'0.5'; "
            "size: must have 2 elements, got 1");
  EXPECT_EQ(refusal(R"({"steps": 18446744073709551616})"),
            "steps: must be an integer of 64 bits, got "
            "'18446744073709551616'");
}

TEST_F(Json, RefusesWhatIsNotOneJsonDocument) {
  for (const char* text : {"", "{", "{\"a\": }", "{} {}", "{'a': 1}", "{\"a\": 01}", "{\"a\": NaN}",
                           "a: 1", "{\"a\": \"\xFF\"}", "{\"a\": \"\n\"}", "{\"a\": 1,}"}) {
    EXPECT_THAT(refusal(text), HasSubstr("not valid JSON at byte ")) << text;
  }
  using namespace std::string_view_literals;
  EXPECT_EQ(refusal("{\"steps\": 1}\0 and more"sv), "not valid JSON at byte 13");
  EXPECT_THAT(refusal("[]"), HasSubstr("must be a section of keys, got a list"));
  EXPECT_THAT(refusal(std::string(100'000, '[')), HasSubstr("nested deeper than 32 levels"));
}

TEST_F(Json, WhatIsWrittenReadsBackEqual) {
  ExampleConfig c{.name = "q\"\\\n",
                  .lambda = 0.1,
                  .seed = -5,
                  .layers = {1, 2},
                  .kinds = {SourceKind::kHypersim, SourceKind::kVideo},
                  .fallback = SourceKind::kHypersim,
                  .sources = {{.weight = 1e-300}}};
  EXPECT_EQ(config::load_json<ExampleConfig>(folder_.write("a.json", config::to_json(c))), c);
}

TEST_F(Json, IsWrittenInDeclaredOrderAfterItsHeader) {
  const SourceConfig c{.kind = SourceKind::kVideo, .weight = 1e-5};
  EXPECT_EQ(config::to_json(c, {{"_class_name", "Source"}}),
            "{\n  \"_class_name\": \"Source\",\n  \"kind\": \"video\",\n  \"weight\": 1e-05\n}\n");
}

TEST_F(Json, AOneElementListOfAScalarOrListIsWrittenAsAScalar) {
  EXPECT_THAT(config::to_json(ExampleConfig{}), HasSubstr("\"layers\": 2,"));
  EXPECT_THAT(config::to_json(ExampleConfig{}), HasSubstr("\"patterns\": [\n    \"*\"\n  ]"));
  EXPECT_THAT(config::to_json(ExampleConfig{}),
              HasSubstr("\"kinds\": [\n    \"video\"\n  ],\n  \"fallback\": null,"));
}

}  // namespace
}  // namespace vdd::test
