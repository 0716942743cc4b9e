// SPDX-License-Identifier: Apache-2.0
#include "vdd/eval/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/config/writer.h"
#include "vdd/core/error.h"

namespace vdd::eval {
namespace {

using testing::HasSubstr;
using testing::Not;

EvalResult result_of(const std::string& method, const std::string& protocol, double abs_rel,
                     std::optional<double> tae = std::nullopt) {
  EvalResult result{
      .version = "1", .method = method, .predictions_are = PredictionKind::kDisparity};
  result.protocol = {.name = protocol};
  result.protocol_hash = protocol + " hash";
  result.mean = {.abs_rel = abs_rel, .delta1 = 0.9, .tae = tae};
  result.sequences = {{.name = "alley_2",
                       .frames = {"0001", "0002"},
                       .scored_frames = 1,
                       .pixels = 5,
                       .truth_hash = "t",
                       .scores = result.mean}};
  return result;
}

TEST(Report, MarkdownShowsScoresAndWhatWasUsed) {
  EvalResult result = result_of("m|y", "p@1", 0.12345, 0.0182);
  result.left_out = {"3 pictures without depth"};
  result.missing = {"market_5"};
  result.partial = true;
  result.method_hash = "0123456789abcdef";
  result.method_settings = "steps=5 seed=42";
  const std::string text = to_markdown(result);
  EXPECT_THAT(text, HasSubstr("# m\\|y on p@1"));
  EXPECT_THAT(text, HasSubstr("| sequence | frames | AbsRel | delta1 | RMSE | TAE x100 |"));
  EXPECT_THAT(text, HasSubstr("| alley_2 | 1 | 0.1235 | 0.9000 | 0.000 | 1.820 |"));
  EXPECT_THAT(text, HasSubstr("| **mean** | 1 | 0.1235 | 0.9000 | 0.000 | 1.820 |"));
  EXPECT_THAT(text,
              HasSubstr("used alley_2: 2 frames, 0001 to 0002; 1 without a pixel that counts"));
  EXPECT_THAT(text, HasSubstr("left out: 3 pictures without depth"));
  EXPECT_THAT(text, HasSubstr("missing: market_5"));
  EXPECT_THAT(text, HasSubstr("Partial"));
  EXPECT_THAT(text, HasSubstr("- model hash 0123456789ab, steps=5 seed=42\n"));
  EXPECT_THAT(to_markdown(result_of("m", "p@1", 0.1)), Not(HasSubstr("TAE")));
}

TEST(Report, LatexIsATableWithEscapedNames) {
  const std::string text = to_latex(result_of("m", "p@1", 0.12345));
  EXPECT_THAT(text, HasSubstr("\\begin{tabular}{lrrrr}\n\\toprule\n"));
  EXPECT_THAT(text, HasSubstr("alley\\_2 & 1 & 0.1235 & 0.9000 & 0.000 \\\\\n"));
  EXPECT_THAT(text, HasSubstr("\\bottomrule\n\\end{tabular}\n"));
}

TEST(Report, ASavedResultComesBack) {
  const test::TempDir dir;
  const EvalResult result = result_of("m", "p@1", 0.1, 0.0182);
  save_result(dir / "r.json", result);
  const EvalResult loaded = load_result(dir / "r.json");
  EXPECT_EQ(config::to_json(loaded), config::to_json(result));
  EXPECT_EQ(*loaded.mean.tae, 0.0182);
  EXPECT_FALSE(loaded.mean.boundary_f1.has_value());
  dir.write("bad.json", "{\"format\": 7}");
  EXPECT_THAT(test::thrown<Error>([&] { load_result(dir / "bad.json"); }), HasSubstr("bad.json"));
}

TEST(Report, ATableOfMethodsSetsTheBestInBold) {
  const std::vector<EvalResult> results = {
      result_of("ours", "a@1", 0.1), result_of("theirs", "a@1", 0.2), result_of("theirs", "b@1", 3),
      result_of("ours", "b@1", 4)};
  const std::string text = compare_as_markdown(results);
  EXPECT_THAT(text, HasSubstr("| method | a@1 AbsRel | a@1 delta1 | a@1 RMSE | b@1 AbsRel |"));
  EXPECT_THAT(text, HasSubstr("| ours | **0.1000** | **0.9000** | **0.000** | 4.0000 |"));
  EXPECT_THAT(text, HasSubstr("| theirs | 0.2000 | **0.9000** | **0.000** | **3.0000** |"));
  EXPECT_THAT(compare_as_latex(results), HasSubstr("ours & \\textbf{0.1000} &"));
}

TEST(Report, MoreDeltaIsBetter) {
  auto a = result_of("a", "p@1", 0.1), b = result_of("b", "p@1", 0.2);
  b.mean.delta1 = 0.95;
  EXPECT_THAT(compare_as_markdown({a, b}), HasSubstr("| b | 0.2000 | **0.9500** |"));
}

TEST(Report, RefusesToCompareWhatWasNotComputedAlike) {
  const EvalResult a = result_of("a", "p@1", 0.1), b = result_of("b", "p@1", 0.1);
  const auto refusal = [&](auto change) {
    EvalResult changed = b;
    change(changed);
    return test::thrown<ConfigError>([&] { compare_as_markdown({a, changed}); });
  };
  EXPECT_THAT(refusal([](auto& r) { r.protocol_hash = "other"; }), HasSubstr("protocols differ"));
  EXPECT_THAT(refusal([](auto& r) { r.sequences[0].name = "other"; }), HasSubstr("sequence"));
  EXPECT_THAT(refusal([](auto& r) { r.sequences.clear(); }), HasSubstr("1 sequences against 0"));
  EXPECT_THAT(refusal([](auto& r) { r.sequences[0].frames.pop_back(); }),
              HasSubstr("other frames"));
  EXPECT_THAT(refusal([](auto& r) { r.sequences[0].truth_hash = "u"; }),
              HasSubstr("other true depth"));
  EXPECT_THAT(refusal([](auto& r) { r.protocol.name = "q@1"; }), HasSubstr("has no result on"));
  EXPECT_THAT(refusal([](auto& r) { r.method = "a"; }), HasSubstr("two results of a"));
}

TEST(Report, PartialResultsAreMarkedInATable) {
  auto a = result_of("a", "p@1", 0.1), b = result_of("b", "p@1", 0.2);
  a.partial = true;
  EXPECT_THAT(compare_as_markdown({a, b}), HasSubstr("Partial"));
}

}  // namespace
}  // namespace vdd::eval
