// SPDX-License-Identifier: Apache-2.0
#include "vdd/config/reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>

#include "config/example.h"
#include "support/temp_dir.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

/// The whole message of the ConfigError that reading `text` throws, or "accepted".
std::string refusal(std::string_view text) {
  try {
    config::load_text<ExampleConfig>(text, "x.yaml");
  } catch (const ConfigError& e) {
    return e.what();
  }
  return "accepted";
}

TEST(Reader, EmptyTextGivesTheDefaults) {
  EXPECT_EQ(config::load_text<ExampleConfig>(""), ExampleConfig{});
  EXPECT_EQ(config::load_text<ExampleConfig>("# nothing\n"), ExampleConfig{});
}

TEST(Reader, ReadsEveryTypeOfValue) {
  const auto c = config::load_text<ExampleConfig>(R"(
name: "a b"
steps: 7
resume: true
lambda: 1e-5
seed: 9223372036854775807
note: null
flag: false
size: [128, 192]
betas: [0, 1]
patterns: ["*.norm*", 'x', plain]
switches: [true, false]
layers: 3
kinds: [hypersim, vkitti2]
fallback: video
optimizer: {lr: 2, clip_norm: ~}
sources:
  - kind: hypersim
  - {kind: video, weight: 0.25}
)");
  EXPECT_EQ(c.name, "a b");
  EXPECT_EQ(c.steps, 7);
  EXPECT_TRUE(c.resume);
  EXPECT_EQ(c.lambda, 1e-5);
  EXPECT_EQ(c.seed, INT64_MAX);
  EXPECT_EQ(c.note, std::nullopt);
  EXPECT_EQ(c.flag, false);
  EXPECT_EQ(c.size, (std::vector<std::int64_t>{128, 192}));
  EXPECT_EQ(c.betas, (std::vector<double>{0, 1}));
  EXPECT_EQ(c.patterns, (std::vector<std::string>{"*.norm*", "x", "plain"}));
  EXPECT_EQ(c.switches, (std::vector<bool>{true, false}));
  EXPECT_EQ(c.layers, (std::vector<std::int64_t>{3}));
  EXPECT_EQ(c.optimizer,
            (OptimizerConfig{.lr = 2, .warmup_steps = 100, .clip_norm = std::nullopt}));
  EXPECT_EQ(c.sources, (std::vector<SourceConfig>{{.kind = SourceKind::kHypersim},
                                                  {.kind = SourceKind::kVideo, .weight = 0.25}}));
  EXPECT_EQ(c.kinds, (std::vector<SourceKind>{SourceKind::kHypersim, SourceKind::kVkitti2}));
  EXPECT_EQ(c.fallback, SourceKind::kVideo);
}

TEST(Reader, UnknownKeyNamesItsPlaceAndTheNearestKey) {
  EXPECT_EQ(refusal("steps: 3\noptimizer:\n  warmup_step: 5\n"),
            "x.yaml:3:3: optimizer.warmup_step: unknown key; did you mean 'warmup_steps'?");
  EXPECT_EQ(refusal("zzzzzzzz: 1\n"), "x.yaml:1:1: zzzzzzzz: unknown key");
}

TEST(Reader, AllErrorsComeAtOnceOneALine) {
  EXPECT_EQ(refusal("steps: 0\n"
                    "lambda: 2\n"
                    "sources:\n"
                    "  - kind: hypersin\n"
                    "    weight: -1\n"),
            "x.yaml:1:8: steps: must be in [1, 1000], got '0'\n"
            "x.yaml:2:9: lambda: must be in [0, 1], got '2'\n"
            "x.yaml:4:11: sources.0.kind: must be one of vkitti2, hypersim, video, got 'hypersin'; "
            "did you mean 'hypersim'?\n"
            "x.yaml:5:13: sources.0.weight: must be > 0, got '-1'");
}

struct Refused {
  const char* text;
  const char* message;
};

class ReaderRefuses : public ::testing::TestWithParam<Refused> {};

TEST_P(ReaderRefuses, WithPlaceAndReason) {
  EXPECT_THAT(refusal(GetParam().text), StartsWith(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Values, ReaderRefuses,
    ::testing::Values(
        Refused{"steps: 1.5", "x.yaml:1:8: steps: must be an integer, got '1.5'"},
        Refused{"steps: 0x10", "x.yaml:1:8: steps: must be an integer, got '0x10'"},
        Refused{"steps: 010", "x.yaml:1:8: steps: must be an integer, got '010'"},
        Refused{"steps: 1_000", "x.yaml:1:8: steps: must be an integer, got '1_000'"},
        Refused{"steps: +1", "x.yaml:1:8: steps: must be an integer, got '+1'"},
        Refused{"steps: 1e2", "x.yaml:1:8: steps: must be an integer, got '1e2'"},
        Refused{"steps: '1'", "x.yaml:1:8: steps: must be an integer, got the string '1'"},
        Refused{"steps:", "x.yaml:1:1: steps: must be an integer, got null"},
        Refused{"steps: [1]", "x.yaml:1:8: steps: must be an integer, got a list"},
        Refused{"steps: {a: 1}", "x.yaml:1:8: steps: must be an integer, got a section"},
        Refused{"seed: 9223372036854775808", "x.yaml:1:7: seed: must be an integer of 64 bits"},
        Refused{"seed: -9223372036854775809", "x.yaml:1:7: seed: must be an integer of 64 bits"},
        Refused{"lambda: .nan", "x.yaml:1:9: lambda: must be a finite number"},
        Refused{"lambda: nan", "x.yaml:1:9: lambda: must be a finite number"},
        Refused{"lambda: .inf", "x.yaml:1:9: lambda: must be a finite number"},
        Refused{"lambda: inf", "x.yaml:1:9: lambda: must be a finite number"},
        Refused{"lambda: 1e999", "x.yaml:1:9: lambda: must be a finite number"},
        Refused{"lambda: 0,5", "x.yaml:1:9: lambda: must be a finite number, got '0,5'"},
        Refused{"lambda: 1_0.5", "x.yaml:1:9: lambda: must be a finite number"},
        Refused{"lambda: 00.5", "x.yaml:1:9: lambda: must be a finite number"},
        Refused{"resume: yes", "x.yaml:1:9: resume: must be true or false, got 'yes'"},
        Refused{"resume: 1", "x.yaml:1:9: resume: must be true or false, got '1'"},
        Refused{"name: ''", "x.yaml:1:7: name: must not be empty"},
        Refused{"name: [a]", "x.yaml:1:7: name: must be a string, got a list"},
        Refused{"name: null", "x.yaml:1:7: name: must be a string, got null"},
        Refused{"size: 64", "x.yaml:1:7: size: must be a list, got '64'"},
        Refused{"size: [64]", "x.yaml:1:7: size: must have 2 elements, got 1"},
        Refused{"size: [64, 100]", "x.yaml:1:12: size.1: must be a multiple of 64, got '100'"},
        Refused{"patterns: []", "x.yaml:1:11: patterns: must not be empty"},
        Refused{"layers: [2, 0]", "x.yaml:1:13: layers.1: must be > 0, got '0'"},
        Refused{"layers: {a: 1}", "x.yaml:1:9: layers: must be a value or a list, got a section"},
        Refused{"unit: mm", "x.yaml:1:7: unit: must be one of px, m, got 'mm'"},
        Refused{"kinds: [video, vide]",
                "x.yaml:1:16: kinds.1: must be one of vkitti2, hypersim, video, got 'vide'; did "
                "you mean 'video'?"},
        Refused{"kinds: []", "x.yaml:1:8: kinds: must not be empty"},
        Refused{"kinds: video", "x.yaml:1:8: kinds: must be a list, got 'video'"},
        Refused{"fallback: Video",
                "x.yaml:1:11: fallback: must be one of vkitti2, hypersim, video, got 'Video'; did "
                "you mean 'video'?"},
        Refused{"fallback: [video]", "x.yaml:1:11: fallback: must be a string, got a list"},
        Refused{"sources: [{kind: null}]",
                "x.yaml:1:18: sources.0.kind: must be a string, got null"},
        Refused{"optimizer: 3", "x.yaml:1:12: optimizer: must be a section of keys, got '3'"},
        Refused{"sources: {kind: video}", "x.yaml:1:10: sources: must be a list of sections"},
        Refused{"- 1\n- 2", "x.yaml:1:1: must be a section of keys, got a list"},
        Refused{"first: 9", "x.yaml:1:1: first: must not be larger than last"}));

INSTANTIATE_TEST_SUITE_P(
    Structure, ReaderRefuses,
    ::testing::Values(
        Refused{"steps: 1\nsteps: 2", "x.yaml:2:1: steps: duplicate key"},
        Refused{"steps: 1\n\"steps\": 2", "x.yaml:2:1: steps: duplicate key"},
        Refused{"optimizer:\n  lr: 1\n  lr: 1", "x.yaml:3:3: optimizer.lr: duplicate key"},
        Refused{"sources:\n  - {weight: 1, weight: 1}",
                "x.yaml:2:17: sources.0.weight: duplicate key"},
        Refused{"steps: 1\n---\nsteps: 2", "x.yaml:2:1: a second document"},
        Refused{"steps: &a 1", "x.yaml:1:8: steps: anchors are not supported"},
        Refused{"seed: &a 1\nsteps: *a",
                "x.yaml:1:7: seed: anchors are not supported\n"
                "x.yaml:2:8: steps: aliases are not supported"},
        Refused{"steps: !!int 1", "x.yaml:1:8: steps: tags are not supported"},
        Refused{"steps: !thing 1", "x.yaml:1:8: steps: tags are not supported, got !thing"},
        Refused{"optimizer: !!map {lr: 1}", "x.yaml:1:12: optimizer: tags are not supported"},
        Refused{"<<: {steps: 1}", "x.yaml:1:1: <<: merge keys are not supported"},
        Refused{"? [a]\n: 1", "x.yaml:1:3: a key must be plain text"},
        Refused{"~: 1", "x.yaml:1:1: a key must be plain text"}, Refused{"steps: [1", "x.yaml:"},
        Refused{"steps: 1\n  bad: : 2", "x.yaml:2:"}, Refused{"name: \"a", "x.yaml:1:"},
        Refused{"\tsteps: 1", "x.yaml:1:"},
        Refused{"name: ok\nnote: a\xC3(", "x.yaml:2:8: not UTF-8: byte \\xc3"},
        Refused{"note: \xED\xA0\x80", "x.yaml:1:7: not UTF-8"},
        Refused{"note: \xC0\xAF", "x.yaml:1:7: not UTF-8"},
        Refused{"\xFF\xFEs\0", "x.yaml:1:1: not UTF-8"},
        Refused{"note: a\x1B[31m", "x.yaml:1:8: control character \\x1b"}));

TEST(Reader, RefusesNul) {
  EXPECT_EQ(refusal(std::string_view("steps: 1\n\0", 10)), "x.yaml:2:1: control character \\x00");
}

TEST(Reader, ShowsWhatItReadEscapedAndCut) {
  const std::string message = refusal(concat("steps: ", std::string(5000, 'a')));
  EXPECT_LT(message.size(), 400u);
  EXPECT_THAT(refusal("steps: \"\\e[31m\""), HasSubstr("'\\x1b[31m'"));
}

TEST(Reader, RefusesNestingDeeperThan32) {
  const std::string open(31, '['), close(31, ']');
  EXPECT_THAT(refusal(concat("patterns: ", open, close)),
              HasSubstr("patterns.0: must be a string, got a list"));
  EXPECT_THAT(refusal(concat("patterns: [", open, close, "]")),
              HasSubstr("nested deeper than 32 levels"));
  EXPECT_THAT(refusal(concat("patterns: ", std::string(500'000, '['))), HasSubstr("nested deeper"));
}

TEST(Reader, RefusesMoreThanOneMebibyteAtOnce) {
  const std::string text = concat("note: ", std::string((1 << 20) - 6, 'a'));
  EXPECT_EQ(config::load_text<ExampleConfig>(text).note->size(), (1u << 20) - 6);
  EXPECT_THAT(refusal(text + "a"), HasSubstr("larger than 1048576 bytes"));
}

TEST(Reader, ManyErrorsAreCountedNotListed) {
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += concat("k", i, ": 1\n");
  const auto start = std::chrono::steady_clock::now();
  const std::string message = refusal(text);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  EXPECT_EQ(split(message, '\n').size(), 51u);
  EXPECT_TRUE(message.ends_with("\nand 9950 more"));
}

TEST(Reader, RefusesMoreKeysThanAnyConfigHas) {
  std::string text;
  for (int i = 0; i < 10'001; ++i) text += concat("k", i, ":\n");
  EXPECT_EQ(refusal(text), "x.yaml:10001:1: more than 10000 keys");
  EXPECT_EQ(refusal(concat(std::string(501, 'k'), ": 1")),
            "x.yaml:1:1: a key of more than 500 bytes");
}

TEST(Reader, AFileAndItsBaseAreMergedInLinearTime) {
  const TempDir folder;
  std::string base, top = "base: base.yaml\nnote: last\n";
  for (int i = 0; i < 9'999; ++i) {
    base += concat("base_", i, ":\n");
    if (i > 0) top += concat("top_", i, ":\n");
  }
  folder.write("base.yaml", base + "note: first\n");
  const auto file = folder.write("top.yaml", top);
  const auto start = std::chrono::steady_clock::now();
  try {
    config::load<ExampleConfig>(file);
    FAIL() << "accepted";
  } catch (const ConfigError& e) {
    EXPECT_THAT(e.what(), HasSubstr("and 19947 more"));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

TEST(Reader, ChecksAcrossFieldsRunOnGoodSectionsOnly) {
  EXPECT_EQ(refusal("last: 3\nfirst: 5"), "x.yaml:2:1: first: must not be larger than last");
  EXPECT_EQ(refusal("last: 3\nfirst: x"), "x.yaml:2:8: first: must be an integer, got 'x'");
}

TEST(Reader, BaseIsReadFirstAndListsReplaceLists) {
  const TempDir folder;
  folder.write(
      "sub/base.yaml",
      "steps: 5\noptimizer: {lr: 3, warmup_steps: 7}\nsize: [64, 64]\nsources: [{kind: video}]\n");
  folder.write("top.yaml", "base: sub/base.yaml\noptimizer: {lr: 4}\nsources: [{weight: 2}, {}]\n");
  const auto c = config::load<ExampleConfig>(folder / "top.yaml");
  EXPECT_EQ(c.steps, 5);
  EXPECT_EQ(c.optimizer.lr, 4);
  EXPECT_EQ(c.optimizer.warmup_steps, 7);
  EXPECT_EQ(c.size, (std::vector<std::int64_t>{64, 64}));
  EXPECT_EQ(c.sources, (std::vector<SourceConfig>{{.weight = 2}, {}}));
}

TEST(Reader, ErrorsInABaseNameTheBaseFile) {
  const TempDir folder;
  folder.write("base.yaml", "steps: x\nlambda: 7\n");
  folder.write("top.yaml", "base: base.yaml\nlambda: 0\n");
  try {
    config::load<ExampleConfig>(folder / "top.yaml");
    FAIL() << "accepted";
  } catch (const ConfigError& e) {
    EXPECT_EQ(e.what(),
              concat((folder / "base.yaml").string(), ":1:8: steps: must be an integer, got 'x'"));
  }
}

TEST(Reader, ABaseIsOneLevelAndMustExist) {
  const TempDir folder;
  folder.write("a.yaml", "base: b.yaml\n");
  folder.write("b.yaml", "base: a.yaml\n");
  folder.write("c.yaml", "base: none.yaml\n");
  folder.write("d.yaml", "base: [a.yaml]\n");
  const auto message = [&](const char* name) {
    try {
      config::load<ExampleConfig>(folder / name);
    } catch (const ConfigError& e) {
      return std::string(e.what());
    }
    return std::string("accepted");
  };
  EXPECT_THAT(message("a.yaml"),
              HasSubstr("b.yaml:1:1: base: a base file cannot have a base itself"));
  EXPECT_THAT(message("c.yaml"), HasSubstr("c.yaml:1:7: base: "));
  EXPECT_THAT(message("c.yaml"), HasSubstr("none.yaml"));
  EXPECT_THAT(message("d.yaml"), HasSubstr("d.yaml:1:1: base: must be the path of a YAML file"));
}

TEST(Reader, AMissingFileAFifoAndAFolderAreRefusedAtOnce) {
  const TempDir folder;
  ASSERT_EQ(mkfifo((folder / "fifo").c_str(), 0600), 0);
  EXPECT_THROW(config::load<ExampleConfig>(folder / "none.yaml"), ConfigError);
  EXPECT_THROW(config::load<ExampleConfig>(folder / "fifo"), ConfigError);
  EXPECT_THROW(config::load<ExampleConfig>(folder.path()), ConfigError);
}

}  // namespace
}  // namespace vdd::test
