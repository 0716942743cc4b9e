// SPDX-License-Identifier: Apache-2.0
#include "vdd/eval/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <locale>

#include "support/thrown.h"
#include "vdd/core/error.h"

namespace vdd::eval {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::vector<std::string> keys_of(const std::vector<const Scores*>& scores) {
  std::vector<std::string> keys;
  for (const Column& column : columns_of(scores)) keys.emplace_back(column.key);
  return keys;
}

TEST(ScoreTable, ShowsTheColumnsThatOneOfTheScoresHas) {
  const Scores plain{}, temporal{.tae = 0.02}, sharp{.boundary_f1 = 0.5, .boundary_recall = 0.0};
  EXPECT_THAT(keys_of({&plain}), ElementsAre("abs_rel", "delta1", "rmse"));
  EXPECT_THAT(keys_of({&plain, &temporal}), ElementsAre("abs_rel", "delta1", "rmse", "tae"));
  EXPECT_THAT(keys_of({&sharp, &plain}),
              ElementsAre("abs_rel", "delta1", "rmse", "boundary_f1", "boundary_recall"));
  EXPECT_THAT(keys_of({}), IsEmpty());
}

TEST(ScoreTable, FindsColumnsByTheirKeysAndNamesTheOneThatIsNone) {
  for (const char* key : {"abs_rel", "delta1", "rmse", "tae", "boundary_f1", "boundary_recall"})
    EXPECT_STREQ(column_of(key).key, key);
  EXPECT_EQ(test::thrown<ConfigError>([] { column_of("a\nb"); }),
            "columns: 'a\\nb' is no column of tables");
}

TEST(ScoreTable, ErrorsAreBetterSmallAndSharesLarge) {
  for (const char* key : {"abs_rel", "rmse", "tae"})
    EXPECT_TRUE(column_of(key).smaller_is_better) << key;
  for (const char* key : {"delta1", "boundary_f1", "boundary_recall"})
    EXPECT_FALSE(column_of(key).smaller_is_better) << key;
}

TEST(ScoreTable, NumbersComeFromTheirScores) {
  const Scores scores{.abs_rel = 0.0625, .rmse = 2.5, .delta1 = 0.75, .tae = 0.0182};
  EXPECT_EQ(number(column_of("abs_rel"), scores), "0.0625");
  EXPECT_EQ(number(column_of("rmse"), scores), "2.500");
  EXPECT_EQ(number(column_of("delta1"), scores), "0.7500");
  EXPECT_EQ(number(column_of("tae"), scores), "1.820");  // of a hundred
  EXPECT_EQ(number(column_of("boundary_f1"), scores), "-");
  EXPECT_EQ(number(column_of("boundary_recall"), {.boundary_recall = 0.0}), "0.0000");
}

TEST(ScoreTable, FixedHasTheDigitsAskedForAndNoExponent) {
  EXPECT_EQ(fixed(1.0 / 3, 3), "0.333");
  EXPECT_EQ(fixed(2.0 / 3, 0), "1");
  EXPECT_EQ(fixed(1234567.876, 2), "1234567.88");
  EXPECT_EQ(fixed(1e-9, 4), "0.0000");
  EXPECT_EQ(fixed(-1.5, 1), "-1.5");
}

TEST(ScoreTable, WhatIsNotFiniteShows) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(fixed(kInfinity, 3), "inf");
  EXPECT_EQ(fixed(-kInfinity, 3), "-inf");
  EXPECT_EQ(number(column_of("abs_rel"), {.abs_rel = std::numeric_limits<double>::quiet_NaN()}),
            "nan");
}

class CommaPoint : public std::numpunct<char> {
  char do_decimal_point() const override { return ','; }
  char do_thousands_sep() const override { return '.'; }
  std::string do_grouping() const override { return "\3"; }
};

TEST(ScoreTable, NumbersAreTheSameInEveryLocale) {
  const std::locale before =
      std::locale::global(std::locale(std::locale::classic(), new CommaPoint));
  const std::string text = fixed(1234.5, 2);
  std::locale::global(before);
  EXPECT_EQ(text, "1234.50");
}

TEST(ScoreTable, NamesAreHarmlessInMarkdown) {
  EXPECT_EQ(cell("my_model v2 (50%)", Markup::kMarkdown), "my_model v2 (50%)");
  EXPECT_EQ(cell("a|b||c", Markup::kMarkdown), "a\\|b\\|\\|c");
  EXPECT_THAT(cell("a\nb", Markup::kMarkdown), Not(HasSubstr("\n")));
}

TEST(ScoreTable, NamesAreHarmlessInLatex) {
  EXPECT_EQ(cell("x^2~y", Markup::kLatex), "x\\^{}2\\~{}y");
  EXPECT_EQ(cell("a&b%c$d#e_f{g}", Markup::kLatex), "a\\&b\\%c\\$d\\#e\\_f\\{g\\}");
  EXPECT_EQ(cell("a|b", Markup::kLatex), "a|b");
  EXPECT_THAT(cell("\\input{x}", Markup::kLatex), Not(HasSubstr("\\i")));
  EXPECT_THAT(cell("a\nb", Markup::kLatex), Not(HasSubstr("\n")));
}

TEST(ScoreTable, MarkdownAlignsTextLeftAndNumbersRight) {
  EXPECT_EQ(bold("1", Markup::kMarkdown), "**1**");
  EXPECT_EQ(table({"a", "b", "c"}, {{"x", "1", "2"}, {"y", "3", "4"}}, Markup::kMarkdown),
            "| a | b | c |\n"
            "|---|---:|---:|\n"
            "| x | 1 | 2 |\n"
            "| y | 3 | 4 |\n");
  EXPECT_EQ(table({"a"}, {}, Markup::kMarkdown), "| a |\n|---|\n");
}

TEST(ScoreTable, LatexAlignsTextLeftAndNumbersRight) {
  EXPECT_EQ(bold("1", Markup::kLatex), "\\textbf{1}");
  EXPECT_EQ(table({"a", "b", "c"}, {{"x", "1", "2"}, {"y", "3", "4"}}, Markup::kLatex),
            "\\begin{tabular}{lrr}\n"
            "\\toprule\n"
            "a & b & c \\\\\n"
            "\\midrule\n"
            "x & 1 & 2 \\\\\n"
            "y & 3 & 4 \\\\\n"
            "\\bottomrule\n"
            "\\end{tabular}\n");
  EXPECT_EQ(table({"a"}, {}, Markup::kLatex),
            "\\begin{tabular}{l}\n\\toprule\na \\\\\n\\midrule\n\\bottomrule\n\\end{tabular}\n");
}

}  // namespace
}  // namespace vdd::eval
