// SPDX-License-Identifier: Apache-2.0
#include "vdd/core/validate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "config/example.h"
#include "support/thrown.h"
#include "vdd/core/error.h"

namespace vdd::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Outer {
  ExampleConfig inner = {};
  std::int64_t count = 1;

  constexpr void fields(auto& f) {
    f("inner", inner, "a whole config");
    f("count", count, "of something", positive);
  }
  std::vector<std::string> check() const {
    if (count > 5) return {"count: too many"};
    return {};
  }
};

TEST(Validate, GivesBackWhatIsGood) {
  EXPECT_EQ(validate(Outer{.count = 4}).count, 4);
  EXPECT_THAT(problems_of(Outer{}), IsEmpty());
}

TEST(Validate, NamesEveryProblemInTheWordsOfTheReader) {
  ExampleConfig config;
  config.name = "";
  config.steps = 0;
  config.lambda = NAN;
  config.size = {64, 100, 128};
  config.betas = {0.5, 2};
  config.patterns = {};
  config.unit = "pxx";
  config.kinds = {};
  EXPECT_THAT(problems_of(config),
              ElementsAre("name: must not be empty, got ''", "steps: must be in [1, 1000], got '0'",
                          "lambda: must be a finite number, got 'nan'",
                          "size.1: must be a multiple of 64, got '100'",
                          "size: must have 2 elements, got 3",
                          "betas.1: must be in [0, 1], got '2'", "patterns: must not be empty",
                          "unit: must be one of px, m, got 'pxx'; did you mean 'px'?",
                          "kinds: must not be empty"));
}

TEST(Validate, LooksIntoOptionalsStructsAndLists) {
  Outer outer;
  outer.inner.optimizer = {.lr = -1, .clip_norm = 0};
  outer.inner.sources = {{}, {.weight = 0}};
  EXPECT_THAT(problems_of(outer), ElementsAre("inner.optimizer.lr: must be > 0, got '-1'",
                                              "inner.optimizer.clip_norm: must be > 0, got '0'",
                                              "inner.sources.1.weight: must be > 0, got '0'"));
  outer.inner.optimizer = {.clip_norm = std::nullopt};
  outer.inner.sources = {};
  EXPECT_THAT(problems_of(outer), IsEmpty());
}

TEST(Validate, RulesAcrossFieldsRunOnGoodSectionsOnly) {
  Outer outer;
  outer.inner.first = 9;
  EXPECT_THAT(problems_of(outer), ElementsAre("inner.first: must not be larger than last"));
  outer.inner.steps = 0;
  outer.count = 6;
  EXPECT_THAT(problems_of(outer), ElementsAre("inner.steps: must be in [1, 1000], got '0'"));
  outer.inner = {};
  EXPECT_THAT(problems_of(outer), ElementsAre("count: too many"));
}

TEST(Validate, ThrowsOneLineAProblem) {
  ExampleConfig config{.name = "", .steps = 0};
  EXPECT_EQ(thrown<ConfigError>([&] { validate(config); }),
            "name: must not be empty, got ''\nsteps: must be in [1, 1000], got '0'");
}

}  // namespace
}  // namespace vdd::test
