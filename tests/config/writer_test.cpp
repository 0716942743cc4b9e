// SPDX-License-Identifier: Apache-2.0
#include "vdd/config/writer.h"

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "config/example.h"
#include "vdd/config/reader.h"
#include "vdd/core/random.h"

namespace vdd::test {
namespace {

/// Strings that a careless writer would let YAML read as something else.
const std::vector<std::string> kAwkward = {
    "true",     "No",    "null", "~",           "NaN",  ".inf",        "1e5",
    "0x10",     "-",     "- a",  "a: b",        "a #b", "#",           "[x]",
    "{",        "*",     "&a",   "!t",          "|",    ">",           "%",
    "@",        "`",     "'",    "\"",          "\\",   "a\nb",        " a ",
    "\t",       "a:",    "---",  "\x01",        "\x7F", "caf\xC3\xA9", "\xE2\x80\xA8",
    "\xC2\x85", "a/b.c", "/x",   "1",           "_",    "a\\nb",       "=",
    "<<",       "?",     "y",    "\xEF\xBB\xBF"};

double random_double(Random& random) {
  for (;;) {
    const auto value = std::bit_cast<double>(random.next());
    if (std::isfinite(value)) return value;
  }
}

std::string random_string(Random& random) {
  std::string text;
  for (std::int64_t i = random.below(4); i >= 0; --i) {
    text += kAwkward[static_cast<std::size_t>(
        random.below(static_cast<std::int64_t>(kAwkward.size())))];
  }
  return text;
}

ExampleConfig random_config(Random& random) {
  ExampleConfig c;
  c.name = random_string(random);
  c.steps = 1 + random.below(1000);
  c.resume = random.coin(0.5);
  c.lambda = random.uniform();
  if (random.coin(0.7)) c.seed = static_cast<std::int64_t>(random.next());
  if (random.coin(0.7)) c.note = random_string(random);
  if (random.coin(0.7)) c.flag = random.coin(0.5);
  c.betas.clear();
  for (auto i = random.below(4); i > 0; --i) c.betas.push_back(random.uniform());
  c.patterns = {random_string(random)};
  for (auto i = random.below(30); i > 0; --i) c.patterns.push_back(random_string(random));
  for (auto i = random.below(3); i > 0; --i) c.switches.push_back(random.coin(0.5));
  for (auto i = random.below(3); i > 0; --i) c.layers.push_back(1 + random.below(9));
  c.kinds.assign(1 + static_cast<std::size_t>(random.below(40)), SourceKind::kHypersim);
  if (random.coin(0.7)) c.fallback = SourceKind::kVideo;
  c.optimizer.lr = std::abs(random_double(random));
  if (random.coin(0.3)) c.optimizer.clip_norm.reset();
  for (auto i = random.below(3); i > 0; --i)
    c.sources.push_back({.kind = SourceKind::kVideo, .weight = random.uniform(0.1, 9)});
  return c;
}

TEST(Writer, WhatIsWrittenReadsBackEqual) {
  Random random(1);
  for (int i = 0; i < 300; ++i) {
    const ExampleConfig c = random_config(random);
    const std::string text = config::to_yaml(c);
    ASSERT_EQ(config::load_text<ExampleConfig>(text), c) << text;
  }
}

TEST(Writer, EveryAwkwardStringIsTheSameStringToAnotherReader) {
  for (const std::string& text : kAwkward) {
    const YAML::Node node = YAML::Load(config::to_yaml(ExampleConfig{.name = text}));
    EXPECT_EQ(node["name"].as<std::string>(), text);
  }
}

TEST(Writer, WritesOneFieldALineInDeclaredOrder) {
  const ExampleConfig c{.name = "a b", .patterns = {}, .sources = {{}, {.weight = 2}}};
  EXPECT_EQ(config::to_yaml(c),
            "name: \"a b\"\n"
            "steps: 10\n"
            "resume: false\n"
            "lambda: 0.5\n"
            "seed: null\n"
            "note: null\n"
            "flag: null\n"
            "size: [64, 128]\n"
            "betas: [0.9, 0.999]\n"
            "patterns: []\n"
            "switches: []\n"
            "layers: [2]\n"
            "unit: px\n"
            "kinds: [video]\n"
            "fallback: null\n"
            "optimizer:\n"
            "  lr: 1e-05\n"
            "  warmup_steps: 100\n"
            "  clip_norm: 1\n"
            "sources:\n"
            "  - kind: vkitti2\n"
            "    weight: 1\n"
            "  - kind: vkitti2\n"
            "    weight: 2\n"
            "first: 0\n"
            "last: 8\n");
}

TEST(Writer, FlattensToDottedKeys) {
  const ExampleConfig c{.note = "a b", .sources = {{}, {.weight = 2}}};
  const config::Leaves leaves = config::to_leaves(c);
  const auto has = [&](const char* key, const char* text) {
    return std::count(leaves.begin(), leaves.end(), config::Leaves::value_type(key, text)) == 1;
  };
  EXPECT_EQ(leaves.size(), 24u);
  EXPECT_TRUE(has("note", "\"a b\""));
  EXPECT_TRUE(has("size", "[64, 128]"));
  EXPECT_TRUE(has("kinds", "[video]"));
  EXPECT_TRUE(has("optimizer.lr", "1e-05"));
  EXPECT_TRUE(has("sources.1.weight", "2"));
  EXPECT_EQ(config::to_leaves(ExampleConfig{}).size(), 21u);
}

}  // namespace
}  // namespace vdd::test
