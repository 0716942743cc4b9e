// SPDX-License-Identifier: Apache-2.0
#include "vdd/programs/training_programs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::programs {
namespace {

using test::thrown;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(TrainingPrograms, AreTheFourOfTheDesign) {
  std::vector<std::string> names;
  for (const TrainingProgram& program : training_programs()) names.push_back(program.name);
  EXPECT_THAT(names,
              ElementsAre("distill_unet", "distill_decoder", "vdd train-teacher", "vdd train-vae"));
  EXPECT_THAT(thrown<ConfigError>([] { training_program("vdd train-head"); }),
              HasSubstr("'vdd train-head' is unknown"));
}

TEST(TrainingPrograms, LoadWhatTheyWrite) {
  const test::TempDir folder;
  const auto file = folder.write("config.yaml", "model: {}\n");
  for (const TrainingProgram& program : training_programs()) {
    const std::vector<std::string> settings = {
        program.name == "vdd train-teacher" ? "model.init=somewhere" : "train.max_steps=9",
        "train.max_steps=9"};
    const auto training = program.load(file, settings);
    EXPECT_EQ(training->program(), program.name);
    EXPECT_EQ(training->config().train.max_steps, 9);
    const auto again = program.load(folder.write("again.yaml", training->yaml()), {});
    EXPECT_EQ(again->leaves(), training->leaves());
    EXPECT_EQ(training->leaves_of(folder / "again.yaml"), training->leaves());
  }
}

TEST(TrainingPrograms, OnlyTwoDistil) {
  EXPECT_THAT(distillation_names(), ElementsAre("distill_unet", "distill_decoder"));
  const test::TempDir folder;
  const auto file = folder.write("config.yaml", "model: {}\n");
  EXPECT_EQ(load_distillation("distill_unet", file, {})->program(), "distill_unet");
  EXPECT_THAT(thrown<ConfigError>([&] { load_distillation("vdd train-vae", file, {}); }),
              HasSubstr("distils nothing"));
}

}  // namespace
}  // namespace vdd::programs
