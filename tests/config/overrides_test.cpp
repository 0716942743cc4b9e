// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/example.h"
#include "vdd/config/reader.h"
#include "vdd/core/error.h"

namespace vdd::test {
namespace {

ExampleConfig with(std::vector<std::string> overrides, std::string_view text = "") {
  return config::load_text<ExampleConfig>(text, "x.yaml", overrides);
}

std::string override_refusal(std::vector<std::string> overrides, std::string_view text = "") {
  try {
    with(std::move(overrides), text);
  } catch (const ConfigError& e) {
    return e.what();
  }
  return "accepted";
}

TEST(Overrides, WinOverTheFileAndTheLastOneWins) {
  const auto c =
      with({"steps=3", "optimizer.lr=1e-4", "optimizer.lr=2e-4"}, "steps: 9\noptimizer: {lr: 1}\n");
  EXPECT_EQ(c.steps, 3);
  EXPECT_EQ(c.optimizer.lr, 2e-4);
}

TEST(Overrides, TakeListsSectionsQuotesAndNull) {
  const auto c = with({"size=[64, 192]", "patterns=['*a*',b]", "optimizer={lr: 3}", "note='[x]'",
                       "optimizer.clip_norm=null", "layers=4", "sources=[{kind: video}]"});
  EXPECT_EQ(c.size, (std::vector<std::int64_t>{64, 192}));
  EXPECT_EQ(c.patterns, (std::vector<std::string>{"*a*", "b"}));
  EXPECT_EQ(c.optimizer.lr, 3);
  EXPECT_EQ(c.optimizer.clip_norm, std::nullopt);
  EXPECT_EQ(c.note, "[x]");
  EXPECT_EQ(c.layers, (std::vector<std::int64_t>{4}));
  EXPECT_EQ(c.sources, (std::vector<SourceConfig>{{.kind = SourceKind::kVideo}}));
}

TEST(Overrides, TextIsTakenAsItIs) {
  EXPECT_EQ(with({"name=/a b: c #d=e"}).name, "/a b: c #d=e");
  EXPECT_EQ(with({"note="}).note, "");
}

TEST(Overrides, ReachIntoTheListsOfTheFile) {
  const auto c = with({"sources.1.weight=3"}, "sources: [{kind: video}, {kind: hypersim}]");
  EXPECT_EQ(c.sources[1], (SourceConfig{.kind = SourceKind::kHypersim, .weight = 3}));
}

TEST(Overrides, ErrorsNameTheCommandLine) {
  EXPECT_EQ(override_refusal({"optimizer.lrr=1", "steps=0"}),
            "command line: optimizer.lrr: unknown key; did you mean 'lr'?\n"
            "command line: steps: must be in [1, 1000], got '0'");
  EXPECT_EQ(override_refusal({"steps"}), "command line: 'steps': must be key.sub=value");
  EXPECT_EQ(override_refusal({"=3"}), "command line: '=3': must be key.sub=value");
  EXPECT_EQ(override_refusal({"optimizer..lr=3"}),
            "command line: 'optimizer..lr=3': must be key.sub=value");
  EXPECT_EQ(override_refusal({"steps.x=3"}),
            "command line: steps: must be an integer, got a section");
  EXPECT_EQ(override_refusal({"steps.x=3"}, "steps: 5"),
            "command line: steps.x: 'x' lies inside a value, not a section");
  EXPECT_EQ(
      override_refusal({"sources.2.weight=3"}, "sources: [{}, {}]"),
      "command line: sources.2.weight: '2' is no element of the list of 2 in the config file");
  EXPECT_EQ(override_refusal({"optimizer.lr="}),
            "command line: optimizer.lr: must be a finite number, got ''");
  EXPECT_THAT(override_refusal({"size=[64, 64"}),
              ::testing::StartsWith("command line: size: not valid YAML: "));
  EXPECT_EQ(override_refusal({"name=\xFF"}), "command line: name: not UTF-8: byte \\xff");
  EXPECT_EQ(override_refusal({"last=3", "first=4"}),
            "command line: first: must not be larger than last");
}

TEST(Overrides, AFaultOfTheFileThatTheyReplaceIsGone) {
  EXPECT_EQ(with({"steps=4"}, "steps: many").steps, 4);
}

}  // namespace
}  // namespace vdd::test
