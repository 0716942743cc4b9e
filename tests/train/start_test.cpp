// SPDX-License-Identifier: Apache-2.0
#include "vdd/train/start.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/field_count.h"
#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/core/validate.h"

namespace vdd::train {
namespace {

using test::thrown;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

/// A training whose config is all that matters.
struct PlainConfig : TrainingConfig {
  std::string teacher, student;
  constexpr void fields(auto& f) {
    f("teacher", teacher, "folder of the teacher");
    f("student", student, "folder of the student");
    TrainingConfig::fields(f);
  }
};

class Plain final : public ConfiguredTraining<PlainConfig> {
 public:
  using ConfiguredTraining::ConfiguredTraining;
  std::string program() const override { return "plain"; }
  std::vector<std::string> free_keys() const override { return {"teacher"}; }
  void check_inputs() const override {
    if (config().teacher == "damaged") throw DataError("teacher", "is damaged");
  }
  std::unique_ptr<Task> make_task(Setup) const override { return nullptr; }
};

TEST(Start, NamesEveryChangedKeyThatIsNotFree) {
  Plain before((PlainConfig()));
  before.config().data.sources.resize(1);
  Plain now = before;
  now.config().teacher = "elsewhere";
  now.config().train.max_steps = 7;
  now.config().data.workers = 5;
  now.config().data.sources[0].root = "elsewhere";
  now.config().validation.clips = 9;
  now.config().optimizer.lr = 0.5;
  now.config().data.sources[0].weight = 2;
  const auto free = all_free_keys(now);
  EXPECT_THAT(config_changes(before.leaves(), now.leaves(), free),
              ElementsAre("data.sources.0.weight: 1 -> 2", "optimizer.lr: 1e-05 -> 0.5"));
  now = before;
  now.config().data.sources.clear();
  EXPECT_THAT(config_changes(before.leaves(), now.leaves(), free), Not(ElementsAre()));
}

TEST(Start, ARunGoesOnWithOtherFreeKeysOnly) {
  const test::TempDir folder;
  Plain training((PlainConfig()));
  RunOptions options{.output_dir = folder / "run"};
  open_run(training, options);
  EXPECT_THAT(thrown<ConfigError>([&] { open_run(training, options); }), HasSubstr("--resume"));
  options.resume = true;
  training.config().train.max_steps = 3;
  open_run(training, options);
  training.config().student = "other";
  EXPECT_THAT(thrown<ConfigError>([&] { open_run(training, options); }),
              HasSubstr("student: \"\" -> other"));
}

TEST(Start, FindsThePathsThatAConfigNames) {
  const test::TempDir folder;
  folder.write("data/seed 1/x", "");
  folder.write("a \"student\": old/x", "");
  Plain training((PlainConfig()));
  training.config().student = folder / "a \"student\": old";
  training.config().teacher = folder / "absent";
  training.config().data.sources.resize(1);
  training.config().data.sources[0].root = (folder / "data/seed*").string();
  EXPECT_THAT(named_paths(training.section()),
              testing::UnorderedElementsAre(folder / "data", folder / "a \"student\": old"));
}

TEST(Start, OverwritingARunSparesWhatTheNewOneReads) {
  const test::TempDir folder;
  Plain training((PlainConfig()));
  RunOptions options{.output_dir = folder / "run", .overwrite = true};
  open_run(training, options);
  folder.write("run/checkpoints/step-000001/unet/config.json", "{}");
  training.config().student = folder / "run/checkpoints/step-000001";
  EXPECT_THAT(thrown<ConfigError>([&] { open_run(training, options); }),
              HasSubstr("step-000001: is not replaced: it is the input"));
  EXPECT_TRUE(std::filesystem::exists(folder / "run/checkpoints/step-000001/unet/config.json"));
}

TEST(Start, WritesNothingBeforeInputsAndDataAreChecked) {
  const test::TempDir folder;
  Plain training((PlainConfig()));
  const RunOptions options{.output_dir = folder / "run"};
  training.config().teacher = "damaged";
  EXPECT_THAT(thrown<DataError>([&] { start(training, options); }), HasSubstr("is damaged"));
  training.config().teacher = "";
  training.config().data.root = folder / "absent";
  EXPECT_THROW(start(training, options), DataError);
  training.config().train.device = "gpu";
  EXPECT_THAT(thrown<ConfigError>([&] { start(training, options); }), HasSubstr("train.device: "));
  EXPECT_FALSE(std::filesystem::exists(folder / "run"));
}

TEST(TrainingConfig, ListsEveryField) {
  EXPECT_EQ(test::listed_fields<TrainingConfig>(), test::count_members<TrainingConfig>());
  EXPECT_EQ(test::listed_fields<TrainConfig>(), test::count_members<TrainConfig>());
  EXPECT_EQ(test::listed_fields<ValidationConfig>(), test::count_members<ValidationConfig>());
  EXPECT_EQ(test::listed_fields<CacheConfig>(), test::count_members<CacheConfig>());
}

TEST(TrainingConfig, RefusesWhatOneSectionRulesOutOfAnother) {
  TrainingConfig config;
  EXPECT_THAT(config.check(), ElementsAre());
  config.precision.compute = "fp16";
  config.lr_schedule.shape = optim::LrShape::kCosine;
  config.lr_schedule.warmup = config.train.max_steps = 10;
  EXPECT_THAT(config.check(), ElementsAre("precision.compute: fp16 runs on cuda only",
                                          "lr_schedule.warmup: must be less than train.max_steps"));
  config.lr_schedule.length = 20;
  config.train.device = "cuda";
  EXPECT_THAT(config.check(), ElementsAre());
}

TEST(CacheConfig, ReadsTheLargestSize) {
  CacheConfig config;
  EXPECT_EQ(config.max_bytes(), 0) << "no limit";
  EXPECT_THAT(problems_of(config), ElementsAre());
  config.max_size = "2KiB";
  EXPECT_EQ(config.max_bytes(), 2048);
  EXPECT_THAT(problems_of(config), ElementsAre());
  config.max_size = "200 GB";
  EXPECT_THAT(problems_of(config),
              ElementsAre("max_size: '200 GB' is no size; write for example 500MB, 200GiB or "
                          "1.5TiB"));
}

TEST(TrainingConfig, ADecayGetsTheLengthOfTheRun) {
  TrainingConfig config;
  config.train.max_steps = 12;
  resolve(config);
  EXPECT_EQ(config.lr_schedule.length, 0) << "constant";
  config.lr_schedule.shape = optim::LrShape::kExponential;
  resolve(config);
  EXPECT_EQ(config.lr_schedule.length, 12);
  config.train.max_steps = 99;
  resolve(config);
  EXPECT_EQ(config.lr_schedule.length, 12) << "a resumed run keeps its own";
}

}  // namespace
}  // namespace vdd::train
