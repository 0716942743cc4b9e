// SPDX-License-Identifier: Apache-2.0
#include "vdd/sweep/plan.h"
#include "vdd/pipeline/random_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "support/clips.h"
#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/config/reader.h"
#include "vdd/core/error.h"
#include "vdd/core/hash.h"
#include "vdd/core/text.h"

namespace vdd::sweep {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const fs::path kTables = VDD_SOURCE_DIR "/configs/ablation";

/// The value of one of a run's settings.
std::string setting(const Run& run, const std::string& key) {
  for (const auto& [name, value] : run.settings) {
    if (name == key) return value;
  }
  return "absent";
}

const Run& run_of(const Plan& plan, const std::string& row, std::int64_t seed = 0) {
  for (const Run& run : plan.runs) {
    if (plan.config.rows[run.row].name == row && run.seed == seed) return run;
  }
  throw std::runtime_error("no row " + row);
}

/// A random teacher, a few clips, and a table of a teacher, a student and a head.
class PlanTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    shared_ = std::make_unique<test::TempDir>();
    test::write_clips(*shared_ / "clips", 2, 6, 64, 128);
    pipeline::write_random_teacher(*shared_ / "teacher", {});
    pipeline::write_random_teacher(*shared_ / "other", {.seed = 1});
  }
  static void TearDownTestSuite() { shared_.reset(); }

  PlanTest() {
    folder_.write("stage1.yaml", concat("data: {root: ", (*shared_ / "clips").string(),
                                        ", holdout: [], frames: 2, height: 64, width: 128}\n"
                                        "train: {max_steps: 9}\n"));
    folder_.write("stage2.yaml", "base: stage1.yaml\nhead: {variant: tiny}\n");
  }

  std::string table(const std::string& rows, const std::string& rest = "") const {
    return folder_.write("table.yaml",
                         concat("title: t\nteacher: ", (*shared_ / "teacher").string(),
                                "\nseeds: [0, 1]\nset: [train.max_steps=5, train.keep=7]\n",
                                rows.empty() ? kRows : "rows:\n" + rows, rest, kEvaluate));
  }
  Plan plan(const std::vector<std::string>& set = {}) const {
    return load_plan(table(""), {}, set);
  }
  Plan identified(const std::vector<std::string>& set = {}) const {
    Plan out = plan(set);
    Contents contents;
    identify(out, folder_ / "out", contents);
    return out;
  }
  std::string hash(const std::vector<std::string>& set = {}) const {
    return run_of(identified(set), "student").hash;
  }

  static constexpr const char* kRows =
      "rows:\n"
      "  - {name: teacher, steps: 3}\n"
      "  - {name: student, program: distill_unet, config: stage1.yaml, set: [train.keep=8]}\n"
      "  - {name: head, program: distill_decoder, config: stage2.yaml, student: student}\n";
  static constexpr const char* kEvaluate =
      "evaluate:\n  - {name: nyu, protocol: depthcrafter-nyu@1, data: /}\n";
  static std::unique_ptr<test::TempDir> shared_;
  test::TempDir folder_;
};
std::unique_ptr<test::TempDir> PlanTest::shared_;

TEST_F(PlanTest, GoesSeedBySeedThroughTheRows) {
  const Plan p = plan();
  EXPECT_EQ(p.name, "table");
  std::vector<std::string> order;
  for (const auto& run : p.runs)
    order.push_back(concat(run.seed, ' ', p.config.rows[run.row].name));
  EXPECT_THAT(order,
              ElementsAre("0 teacher", "0 student", "0 head", "1 teacher", "1 student", "1 head"));
  EXPECT_EQ(p.runs[0].training, nullptr);
  EXPECT_EQ(p.runs[5].student, 4u) << "of the same seed";
}

TEST_F(PlanTest, TheRowsSettingsGoOverTheTablesAndTheCommandLinesOverBoth) {
  const Plan p = plan({"train.accumulation=2", "train.seed=9"});
  const auto& student = run_of(p, "student", 1);
  EXPECT_EQ(setting(student, "train.max_steps"), "5") << "the table's over the file's";
  EXPECT_EQ(setting(student, "train.keep"), "8") << "the row's over the table's";
  EXPECT_EQ(setting(student, "train.accumulation"), "2");
  EXPECT_EQ(setting(student, "train.seed"), "1") << "the run's own, always";
  EXPECT_EQ(setting(run_of(p, "head", 1), "head.seed"), "1");
  EXPECT_EQ(student.training->config().model.teacher, (*shared_ / "teacher").string());
}

TEST_F(PlanTest, AWrongSettingNamesFileAndRow) {
  const std::string file =
      table("  - {name: one, program: distill_unet, config: stage1.yaml, set: [loss.lamda=0]}\n");
  EXPECT_THAT(test::thrown<ConfigError>([&] { load_plan(file); }),
              ::testing::AllOf(StartsWith(file + ": row 'one': loss.lamda: "),
                               HasSubstr(": unknown key; did you mean 'lambda'?")));
}

TEST_F(PlanTest, TheKeyHoldsWhatChangesTheModelAndNothingElse) {
  const std::string plain = hash();
  for (const char* same : {"train.threads=2", "data.workers=0", "cache.dir=x", "train.keep=1",
                           "train.checkpoint_every=2"}) {
    EXPECT_EQ(hash({same}), plain) << same;
  }
  std::set<std::string> others = {plain, run_of(identified(), "student", 1).hash};
  EXPECT_EQ(others.size(), 2u) << "seed";
  for (const std::string& other :
       {std::string("train.max_steps=6"), std::string("validation.every=2"),
        std::string("teacher.steps=3"), "model.teacher=" + (*shared_ / "other").string(),
        "model.student=" + (*shared_ / "other/unet").string(),
        "data.root=" + (*shared_ / "clips/clip0").string()}) {
    EXPECT_TRUE(others.insert(hash({other})).second) << other;
  }
}

TEST_F(PlanTest, ARunLiesUnderItsHashAndStartsFromItsStudentsBest) {
  const Plan p = identified();
  const auto &student = run_of(p, "student", 1), &head = run_of(p, "head", 1);
  EXPECT_EQ(student.hash, sha256_hex(join(student.key, "\n")));
  EXPECT_EQ(student.folder, folder_ / ("out/cells/distill_unet-" + student.hash.substr(0, 12)));
  EXPECT_EQ(head.training->config().model.student, (student.folder / "checkpoints/best").string());
  EXPECT_THAT(head.key, Contains("student=" + student.hash));
  EXPECT_EQ(head.training->config().cache.dir, (folder_ / "out/teacher_cache").string());
  EXPECT_EQ(run_of(p, "teacher").model(), *shared_ / "teacher");
}

TEST_F(PlanTest, ScoresLieUnderModelSeedStepsAndProtocol) {
  const Plan p = identified();
  std::set<fs::path> files;
  for (const auto& run : p.runs) files.insert(score_file(p, run, 0, "out"));
  EXPECT_EQ(files.size(), p.runs.size());
  EXPECT_EQ(predictor_of(p, run_of(p, "teacher", 1)).steps, 3);
  EXPECT_EQ(predictor_of(p, run_of(p, "teacher", 1)).seed, 1);
  Plan other = p;
  other.protocols[0].alignment.max_depth = 5;
  EXPECT_TRUE(files.insert(score_file(other, other.runs[0], 0, "out")).second);
  other = p;
  other.config.rows[0].steps = 4;
  EXPECT_TRUE(files.insert(score_file(other, other.runs[0], 0, "out")).second);
  other.config.dtype = "bf16";
  EXPECT_TRUE(files.insert(score_file(other, other.runs[0], 0, "out")).second);
  other.config.dtype = "fp32";
  other.config.evaluate[0].name = "another name";
  EXPECT_FALSE(files.insert(score_file(other, other.runs[0], 0, "out")).second);
}

// The tables that ship.

TEST(AblationTables, AllOfThemCanBePlanned) {
  int tables = 0;
  for (const auto& entry : fs::directory_iterator(kTables)) {
    if (!entry.path().filename().string().starts_with("table")) continue;
    ++tables;
    EXPECT_FALSE(load_plan(entry.path()).runs.empty()) << entry.path();
  }
  EXPECT_EQ(tables, 5);
}

TEST(AblationTables, RowsThatAreTheSameModelHaveTheSameSettings) {
  const Plan one = load_plan(kTables / "table1.yaml"), three = load_plan(kTables / "table3.yaml"),
             four = load_plan(kTables / "table4.yaml");
  EXPECT_EQ(run_of(one, "deterministic + VAE").settings, run_of(three, "E").settings);
  EXPECT_EQ(run_of(one, "stochastic + VAE").settings, run_of(three, "D").settings);
  EXPECT_EQ(run_of(one, "deterministic + DPT").settings, run_of(four, "C").settings);
  EXPECT_EQ(run_of(four, "student").settings, run_of(three, "E").settings);
}

TEST(AblationTables, TheRowsOfTableThreeDifferInWhatTheirMarksSay) {
  const Plan p = load_plan(kTables / "table3.yaml");
  const auto texts = [&](const char* key) {
    std::vector<std::string> values;
    for (const char* row : {"A", "B", "C", "D", "E"})
      values.push_back(setting(run_of(p, row), key));
    return values;
  };
  EXPECT_THAT(texts("student.forward"),
              ElementsAre("multi_step", "one_step", "one_step", "one_step", "one_step"));
  EXPECT_THAT(texts("loss.lambda"), ElementsAre("0", "0", "0.5", "0.5", "0.5"));
  EXPECT_THAT(texts("student.input"),
              ElementsAre("noise", "noise", "noise", "noise", "rgb_latent"));
  EXPECT_THAT(texts("trained.preset"), ElementsAre("all", "all", "all", "spatial", "spatial"));
}

}  // namespace
}  // namespace vdd::sweep
