// SPDX-License-Identifier: Apache-2.0
#include "vdd/sweep/sweep_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/field_count.h"
#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/config/reader.h"
#include "vdd/core/error.h"

namespace vdd::sweep {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

SweepConfig small() {
  SweepConfig config{.title = "t", .teacher = "teacher", .marks = {"new"}};
  config.rows = {
      {.name = "teacher", .steps = 5},
      {.name = "one", .marks = {"new"}, .program = "distill_unet", .config = "a.yaml"},
      {.name = "two", .program = "distill_decoder", .config = "b.yaml", .student = "one"}};
  config.evaluate = {{.name = "here", .protocol = "p@1", .data = "data"}};
  return config;
}

TEST(SweepConfig, EveryFieldIsListed) {
  EXPECT_EQ(test::listed_fields<RowConfig>(), test::count_members<RowConfig>());
  EXPECT_EQ(test::listed_fields<EvaluationConfig>(), test::count_members<EvaluationConfig>());
  EXPECT_EQ(test::listed_fields<SweepConfig>(), test::count_members<SweepConfig>());
  EXPECT_THAT(small().check(), IsEmpty());
}

TEST(SweepConfig, ARowIsAModelThatIsThereOrOneThatIsTrained) {
  EXPECT_THAT(RowConfig({.program = "distill_unet"}).check(),
              ElementsAre("program: distill_unet needs a config"));
  EXPECT_THAT(
      RowConfig({.model = "m", .steps = 5, .program = "distill_unet", .config = "c"}).check(),
      ElementsAre(HasSubstr("model: "), HasSubstr("steps: ")));
  EXPECT_THAT(RowConfig({.set = {"a=1"}}).check(),
              ElementsAre("program: config, student and set need one"));
  EXPECT_THAT(RowConfig({.hidden = true}).check(), ElementsAre(HasSubstr("hidden: ")));
}

TEST(SweepConfig, AStudentIsAnEarlierRowThatIsTrained) {
  for (const char* name : {"two", "teacher", "on"}) {
    SweepConfig config = small();
    config.rows[2].student = name;
    EXPECT_THAT(config.check(), ElementsAre(HasSubstr("rows.2.student: '"))) << name;
  }
}

TEST(SweepConfig, NamesAreToldApartAndMarksAreTheTables) {
  SweepConfig config = small();
  config.rows[0].marks = {"newer"};
  config.rows[0].name = "two";
  config.seeds = {1, 1};
  EXPECT_THAT(config.check(),
              ElementsAre(HasSubstr("rows.0.marks: 'newer' is no mark"),
                          "rows: 'two' is there twice", "seeds: '1' is there twice"));
}

TEST(SweepConfig, ATableShowsSomething) {
  SweepConfig config = small();
  config.evaluate.clear();
  EXPECT_THAT(config.check(), ElementsAre(HasSubstr("evaluate: ")));
  config.times = {"encode", "all"};
  EXPECT_THAT(config.check(), IsEmpty());
  config.bench.stages = {"decode"};
  EXPECT_THAT(config.check(), ElementsAre("times: encode is none of bench.stages"));
  config = small();
  config.rows = {config.rows[1]};
  config.rows[0].hidden = true;
  EXPECT_THAT(config.check(), ElementsAre("rows: none to show"));
}

TEST(SweepConfig, AnErrorNamesFileAndLine) {
  const test::TempDir folder;
  const std::string file = folder.write("table.yaml",
                                        "title: t\nteacher: t\nrows:\n"
                                        "  - {name: a, program: distil_unet, config: c}\n"
                                        "  - {name: b, student: c}\n"
                                        "times: [all]\n");
  EXPECT_THAT(test::thrown<ConfigError>([&] { config::load<SweepConfig>(file); }),
              ::testing::AllOf(HasSubstr(file + ":4:"), HasSubstr("rows.0.program: "),
                               HasSubstr(file + ":5:"), HasSubstr("rows.1.program: ")));
}

}  // namespace
}  // namespace vdd::sweep
