// SPDX-License-Identifier: Apache-2.0
#include "vdd/sweep/results.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/field_count.h"
#include "support/thrown.h"
#include "vdd/config/writer.h"
#include "vdd/core/error.h"

namespace vdd::sweep {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

eval::EvalResult result(double abs_rel, std::optional<double> tae, const char* truth = "t") {
  eval::EvalResult r{.method = "m", .method_hash = "content"};
  r.sequences = {{.name = "s", .truth_hash = truth}};
  r.mean.abs_rel = abs_rel;
  r.mean.tae = tae;
  return r;
}

/// Rows a (with a mark), start (hidden) and b; seeds 0 and 1; one evaluation, two columns, two
/// times.
struct Example {
  Plan plan{.name = "table", .config = {}, .protocols = {eval::Protocol{}}, .runs = {}};
  std::vector<RunResult> results;
  bench::StageBench times;

  Example() {
    plan.config = {.title = "t", .seeds = {0, 1}, .teacher = "teacher", .marks = {"m", "n"}};
    plan.config.rows = {{.name = "a", .marks = {"n"}},
                        {.name = "start", .program = "distill_unet", .config = "c", .hidden = true},
                        {.name = "b"}};
    plan.config.evaluate = {{.name = "out", .protocol = "p", .data = "d"}};
    plan.config.columns = {"abs_rel", "tae"};
    plan.config.times = {"decode", "all"};
    for (const std::int64_t seed : {0, 1}) {
      for (const std::size_t row : {0, 1, 2}) {
        plan.runs.push_back({.row = row, .seed = seed});
        plan.runs.back().key = {"model=x"};
        results.emplace_back();
      }
    }
    results[0].scores = {result(0.25, 0.5)};
    results[3].scores = {result(0.75, 0.25)};
    results[2].scores = {std::nullopt};
    results[2].error = "broke";
    results[5].scores = {result(0.5, std::nullopt)};
    times.rows = {{.model = "a", .stage = "encode", .median_ms = 1},
                  {.model = "a", .stage = "denoise", .median_ms = 2.5},
                  {.model = "a", .stage = "decode", .median_ms = 4}};
  }
  Table table() const { return make_table(plan, results, times); }
};

TEST(Results, EveryFieldIsListed) {
  EXPECT_EQ(test::listed_fields<RowRecord>(), test::count_members<RowRecord>());
  EXPECT_EQ(test::listed_fields<SweepRecord>(), test::count_members<SweepRecord>());
}

TEST(Results, ARowCollectsTheScoresOfItsSeeds) {
  const Table table = Example().table();
  ASSERT_EQ(table.rows.size(), 2u) << "one is hidden";
  const TableRow& a = table.rows[0];
  EXPECT_EQ(a.name, "a");
  EXPECT_THAT(a.marks, ElementsAre(false, true));
  ASSERT_EQ(a.cells.size(), 4u);
  EXPECT_THAT(a.cells[0].values, ElementsAre(0.25, 0.75));
  EXPECT_THAT(a.cells[1].values, ElementsAre(50, 25)) << "TAE is shown times 100";
  EXPECT_FALSE(a.cells[0].failed);
}

TEST(Results, AFailureIsThatOfItsRowAlone) {
  const TableRow b = Example().table().rows[1];
  EXPECT_THAT(b.cells[0].values, ElementsAre(0.5));
  EXPECT_THAT(b.cells[1].values, IsEmpty());
  for (const TableCell& cell : b.cells) EXPECT_TRUE(cell.failed);
}

TEST(Results, TimesAreOfTheStageOrOfAllOfThem) {
  const Table table = Example().table();
  EXPECT_THAT(table.rows[0].cells[2].values, ElementsAre(4));
  EXPECT_THAT(table.rows[0].cells[3].values, ElementsAre(7.5));
  EXPECT_THAT(table.rows[1].cells[3].values, IsEmpty());
  EXPECT_EQ(table.columns[3].markdown, "all ms");
  EXPECT_EQ(table.columns[3].samples, 1u);
}

TEST(Results, ColumnsAreNamedAfterTheEvaluationIfThereAreSeveral) {
  Example example;
  EXPECT_EQ(example.table().columns[0].markdown, "AbsRel");
  EXPECT_EQ(example.table().columns[0].samples, 2u);
  example.plan.config.evaluate.push_back({.name = "in", .protocol = "p", .data = "d"});
  example.plan.protocols.emplace_back();
  const Table table = example.table();
  EXPECT_EQ(table.columns[0].markdown, "out AbsRel");
  EXPECT_EQ(table.columns[3].markdown, "in TAE x100");
  EXPECT_THAT(table.rows[0].cells[2].values, IsEmpty());
}

TEST(Results, ScoresThatWereNotComputedAlikeAreRefused) {
  Example example;
  example.results[3].scores = {result(0.75, 0.25, "other truth")};
  EXPECT_THAT(test::thrown<ConfigError>([&] { example.table(); }),
              HasSubstr("on out: s: other true depth; delete the older file in scores/"));
}

TEST(Results, TheRecordNamesWhatStandsBehindEachRow) {
  const Example example;
  const SweepRecord record = make_record(example.plan, example.results, example.times, "o");
  ASSERT_EQ(record.runs.size(), 6u);
  EXPECT_EQ(record.runs[3].row, "a");
  EXPECT_EQ(record.runs[3].seed, 1);
  EXPECT_THAT(record.runs[3].key, ElementsAre("model=x"));
  EXPECT_THAT(record.runs[3].model_hashes, ElementsAre("content"));
  EXPECT_EQ(record.runs[3].scores.front(),
            score_file(example.plan, example.plan.runs[3], 0, "o").string());
  EXPECT_THAT(record.runs[2].scores, ElementsAre(""));
  EXPECT_EQ(record.runs[2].error, "broke");
  EXPECT_THAT(config::to_json(record), HasSubstr("\"median_ms\": 2.5"));
}

}  // namespace
}  // namespace vdd::sweep
