// SPDX-License-Identifier: Apache-2.0
#include "vdd/sweep/sweep.h"
#include "vdd/pipeline/random_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "support/clips.h"
#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/log.h"
#include "vdd/core/text.h"
#include "vdd/eval/report.h"

namespace vdd::sweep {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// A random teacher, a few clips, and two pictures with depth to score on.
class SweepTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    shared_ = std::make_unique<test::TempDir>();
    test::write_clips(*shared_ / "clips", 2, 4, 64, 128);
    pipeline::write_random_teacher(*shared_ / "teacher", {});
  }
  static void TearDownTestSuite() { shared_.reset(); }

  SweepTest() {
    log::set_level(log::Level::kWarning);
    folder_.write("stage1.yaml",
                  concat("data: {root: ", (*shared_ / "clips").string(),
                         ", holdout: [], clips: 2, frames: 2, height: 64, width: 128}\n"
                         "teacher: {steps: 2}\noptimizer: {lr: 1e-3}\n"
                         "train: {max_steps: 2, accumulation: 1, threads: 1}\n"
                         "validation: {every: 0}\n"));
    folder_.write("stage2.yaml", "base: stage1.yaml\nhead: {variant: tiny}\n");
  }
  ~SweepTest() override { log::set_level(log::Level::kInfo); }

  std::string table(const std::string& name, const std::string& rows,
                    const std::string& rest = "") const {
    return folder_.write(
        name + ".yaml",
        concat("title: Try\nteacher: ", (*shared_ / "teacher").string(), "\nthreads: 1\nrows:\n",
               rows,
               "evaluate:\n  - name: nyu\n    protocol: depthcrafter-nyu@1\n"
               "    set: [crop=none, height=64, width=128, sequence_count=2]\n    data: ",
               VDD_FIXTURES "/io/nyuv2\n", rest));
  }
  SweepResult run(const std::vector<fs::path>& files, bool table_only = false) const {
    const fs::path output = folder_ / "out";
    return sweep(make_plans(files, {}, {}, output), {.output = output, .table_only = table_only});
  }
  std::string described(const std::vector<fs::path>& files) const {
    return describe(make_plans(files, {}, {}, folder_ / "out"), folder_ / "out");
  }
  /// Names in a folder of the output, sorted.
  std::vector<std::string> listed(const char* name) const {
    std::vector<std::string> names;
    if (!fs::exists(folder_ / "out" / name)) return names;
    for (const auto& entry : fs::directory_iterator(folder_ / "out" / name))
      names.push_back(entry.path().filename().string());
    std::ranges::sort(names);
    return names;
  }
  /// The time of the newest file below the output's cells and scores.
  fs::file_time_type newest() const {
    fs::file_time_type time = fs::file_time_type::min();
    for (const char* name : {"cells", "scores", "times"}) {
      for (const auto& entry : fs::recursive_directory_iterator(folder_ / "out" / name))
        time = std::max(time, fs::last_write_time(entry));
    }
    return time;
  }
  std::string output(const char* file) const { return test::content(folder_ / "out" / file); }

  static constexpr const char* kStudent =
      "  - {name: student, program: distill_unet, config: stage1.yaml}\n";
  static constexpr const char* kHead =
      "  - {name: head, program: distill_decoder, config: stage2.yaml, student: student}\n";
  static std::unique_ptr<test::TempDir> shared_;
  test::TempDir folder_;
};
std::unique_ptr<test::TempDir> SweepTest::shared_;

TEST_F(SweepTest, TrainsScoresAndTimesWhatIsMissingAndLeavesTheRestAlone) {
  const std::string file =
      table("t", std::string("  - {name: teacher, steps: 2}\n") + kStudent + kHead,
            "times: [all]\nbench: {height: 64, width: 128, frames: 1, rounds: 1, warmup: 0}\n");
  EXPECT_THAT(described({file}),
              AllOf(HasSubstr("| student | 0 | "), HasSubstr(" | new | 0 of 1 |"),
                    HasSubstr("2 models to train, 3 scores to make\n")));
  EXPECT_FALSE(fs::exists(folder_ / "out")) << "a plan writes nothing";

  const SweepResult first = run({file});
  EXPECT_EQ(first.exit, ExitCode::kDone);
  EXPECT_EQ(first.runs, 3);
  EXPECT_EQ(listed("cells").size(), 2u);
  EXPECT_EQ(listed("scores").size(), 3u);
  EXPECT_EQ(listed("times").size(), 1u);
  EXPECT_THAT(first.tables, AllOf(HasSubstr("| teacher | "), HasSubstr("| head | "),
                                  Not(HasSubstr(" - ")), Not(HasSubstr("failed"))));
  EXPECT_EQ(output("t.md"), first.tables);
  EXPECT_THAT(output("t.tex"), HasSubstr("\\begin{tabular}"));
  EXPECT_THAT(output("t.json"), HasSubstr("\"program=distill_decoder\""));

  const auto before = newest();
  const std::string csv = output("t.csv");
  EXPECT_THAT(described({file}), HasSubstr("0 models to train, 0 scores to make\n"));
  EXPECT_EQ(run({file}).exit, ExitCode::kDone);
  EXPECT_EQ(newest(), before);
  EXPECT_EQ(output("t.csv"), csv);
}

TEST_F(SweepTest, TheTableShowsTheMeansOfTheScores) {
  const std::string file = table("t", "  - {name: teacher, steps: 2}\n", "seeds: [0, 1]\n");
  run({file});
  std::vector<double> abs_rel;
  for (const std::string& name : listed("scores"))
    abs_rel.push_back(eval::load_result(folder_ / "out/scores" / name).mean.abs_rel);
  ASSERT_EQ(abs_rel.size(), 2u);
  EXPECT_NE(abs_rel[0], abs_rel[1]) << "the seed is that of the noise";
  EXPECT_THAT(output("t.csv"),
              HasSubstr(concat("\nteacher,", shortest((abs_rel[0] + abs_rel[1]) / 2), ',')));
}

TEST_F(SweepTest, TablesShareTheModelsThatAreTheSame) {
  const std::string one = table("one", kStudent),
                    two = table(
                        "two",
                        std::string(
                            "  - {name: other name, program: distill_unet, config: stage1.yaml, "
                            "set: [data.workers=0]}\n") +
                            kHead);
  // `head` asks for a row of its own table.
  EXPECT_THAT(test::thrown<ConfigError>([&] { make_plans({two}, {}, {}, "o"); }),
              HasSubstr("rows.1.student"));
  table("two",
        "  - {name: other name, program: distill_unet, config: stage1.yaml, "
        "set: [data.workers=0]}\n");
  EXPECT_EQ(run({one, two}).exit, ExitCode::kDone);
  EXPECT_EQ(listed("cells").size(), 1u);
  EXPECT_EQ(listed("scores").size(), 1u);
  EXPECT_THAT(output("two.md"), HasSubstr("| other name | 0."));
  EXPECT_THAT(test::thrown<ConfigError>([&] {
                make_plans({one, one}, {}, {}, "o");
              }),
              HasSubstr("a second table of that name"));
}

TEST_F(SweepTest, ARunThatFailsLeavesTheOthersAndIsTriedAgain) {
  const std::string bad =
      "  - {name: head, program: distill_decoder, config: stage2.yaml, student: student, set: "
      "[head.init_from=/nowhere]}\n";
  const std::string file =
      table("t", std::string(kStudent) + bad + "  - {name: teacher, steps: 1}\n");
  ::testing::internal::CaptureStderr();
  const SweepResult first = run({file});
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              HasSubstr("[sweep] error: t, row 'head', seed 0: /nowhere"));
  EXPECT_EQ(first.exit, ExitCode::kFailed);
  EXPECT_EQ(first.failed, 1);
  EXPECT_THAT(first.tables, AllOf(HasSubstr("| head | failed | failed |"),
                                  HasSubstr("| student | 0."), HasSubstr("| teacher | ")));
  EXPECT_THAT(output("t.json"), HasSubstr("\"error\": \"/nowhere"));

  table("t", std::string(kStudent) + kHead);
  EXPECT_EQ(run({file}).exit, ExitCode::kDone);
  EXPECT_THAT(output("t.md"), HasSubstr("| head | 0."));
}

TEST_F(SweepTest, WhatStartsFromARunThatFailedFailsToo) {
  const std::string file = table("t",
                                 "  - {name: student, program: distill_unet, config: stage1.yaml, "
                                 "set: [optimizer.lr=1e30]}\n" +
                                     std::string(kHead));
  ::testing::internal::CaptureStderr();
  const SweepResult result = run({file});
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              AllOf(HasSubstr("row 'student', seed 0: "), HasSubstr("the loss is nan"),
                    HasSubstr("row 'head', seed 0: its student, 'student', failed")));
  EXPECT_EQ(result.failed, 2);
}

TEST_F(SweepTest, TheTableAloneOfWhatIsThere) {
  const std::string teacher = "  - {name: teacher, steps: 1}\n";
  const std::string file = table("t", teacher);
  run({file});
  table("t", teacher + kStudent);
  const SweepResult result = run({file}, /*table_only=*/true);
  EXPECT_EQ(result.exit, ExitCode::kDone);
  EXPECT_THAT(result.tables, AllOf(HasSubstr("| teacher | 0."), HasSubstr("| student | - | - |")));
  EXPECT_THAT(listed("cells"), IsEmpty());
}

TEST_F(SweepTest, ADamagedScoreIsAFailureThatNamesTheFile) {
  const std::string file = table("t", "  - {name: teacher, steps: 1}\n");
  run({file});
  const std::string score = listed("scores").front();
  folder_.write("out/scores/" + score, "{");
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(run({file}).exit, ExitCode::kFailed);
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr(score));
}

}  // namespace
}  // namespace vdd::sweep
