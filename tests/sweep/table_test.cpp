// SPDX-License-Identifier: Apache-2.0
#include "vdd/sweep/table.h"

#include <gtest/gtest.h>

#include <cmath>

namespace vdd::sweep {
namespace {

/// Two rows, one mark, an error, a share and a time.
Table example() {
  return {.title = "Try",
          .seeds = {0, 1, 2},
          .marks = {"new|er"},
          .columns = {{.markdown = "AbsRel", .latex = "AbsRel $\\downarrow$", .samples = 3},
                      {.markdown = "delta1",
                       .latex = "$\\delta_1$",
                       .digits = 3,
                       .smaller_is_better = false,
                       .samples = 3},
                      {.markdown = "all ms", .latex = "all [ms]", .digits = 2}},
          .rows = {{.name = "A & B",
                    .marks = {false},
                    .cells = {{.values = {0.1, 0.2, 0.3}}, {.values = {0.5, 0.5, 0.5}}, {}}},
                   {.name = "C, \"D\"",
                    .marks = {true},
                    .cells = {{.values = {0.12, 0.16}, .failed = true},
                              {.failed = true},
                              {.values = {12.345}}}}}};
}

TEST(Table, SpreadIsTheSampleStandardDeviation) {
  const Spread s = spread({2, 4, 4, 4, 5, 5, 7, 9});
  EXPECT_DOUBLE_EQ(s.mean, 5);
  EXPECT_DOUBLE_EQ(*s.deviation, std::sqrt(32.0 / 7));
  EXPECT_EQ(spread({3}).mean, 3);
  EXPECT_FALSE(spread({3}).deviation);
}

TEST(Table, MarkdownShowsMeanSpreadAndWhatIsMissing) {
  EXPECT_EQ(to_markdown(example()),
            "# Try\n\n"
            "| method | new\\|er | AbsRel | delta1 | all ms |\n"
            "|---|---:|---:|---:|---:|\n"
            "| A & B |  | 0.2000 \u00b1 0.1000 | 0.500 \u00b1 0.000 | - |\n"
            "| C, \"D\" | x | **0.1400** \u00b1 0.0283 (2 of 3) | failed | 12.35 |\n\n"
            "Mean \u00b1 sample standard deviation over the seeds 0, 1, 2.\n");
}

TEST(Table, TheBestOfTwoIsTheSmallerErrorOrTheLargerShare) {
  Table table = example();
  table.rows[1].cells[1] = {.values = {0.4}};
  EXPECT_NE(to_markdown(table).find("| 0.2000 \u00b1 0.1000 | **0.500** \u00b1 0.000 |"),
            std::string::npos);
}

TEST(Table, OneSeedHasNoSpread) {
  Table table = example();
  table.seeds = {4};
  table.rows = {table.rows[0]};
  table.rows[0].cells = {{.values = {0.25}}, {}, {}};
  table.columns[0].samples = 1;
  EXPECT_EQ(to_markdown(table),
            "# Try\n\n| method | new\\|er | AbsRel | delta1 | all ms |\n|---|---:|---:|---:|---:|\n"
            "| A & B |  | 0.2500 | - | - |\n\nOne seed: 4.\n");
}

TEST(Table, LatexIsATabular) {
  EXPECT_EQ(to_latex(example()),
            "\\begin{tabular}{lrrrr}\n\\toprule\n"
            "method & new|er & AbsRel $\\downarrow$ & $\\delta_1$ & all [ms] \\\\\n\\midrule\n"
            "A \\& B &  & 0.2000 $\\pm$ 0.1000 & 0.500 $\\pm$ 0.000 & - \\\\\n"
            "C, \"D\" & $\\checkmark$ & \\textbf{0.1400} $\\pm$ 0.0283 (2 of 3) & failed & 12.35 "
            "\\\\\n\\bottomrule\n\\end{tabular}\n");
}

TEST(Table, CsvHasAllDigitsAndQuotesWhatNeedsIt) {
  Table table = example();
  table.rows[0].cells[0].values = {0.25, 0.5, 0.75};
  table.rows[1].cells[0].values = {0.125};
  EXPECT_EQ(to_csv(table),
            "method,new|er,AbsRel,AbsRel deviation,AbsRel values,delta1,delta1 deviation,"
            "delta1 values,all ms,all ms deviation,all ms values\n"
            "A & B,0,0.5,0.25,3,0.5,0,3,,,0\n"
            "\"C, \"\"D\"\"\",1,0.125,,1,,,0,12.345,,1\n");
}

}  // namespace
}  // namespace vdd::sweep
