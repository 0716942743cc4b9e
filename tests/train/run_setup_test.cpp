// SPDX-License-Identifier: Apache-2.0
#include "vdd/train/run_setup.h"

#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/cuda.h>

#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/train/distill_unet_config.h"

namespace vdd::train {
namespace {

using test::thrown;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(RunSetup, NamesEveryChangedKeyThatIsNotFree) {
  DistillUnetConfig before;
  before.data.sources.resize(1);
  DistillUnetConfig now = before;
  now.train.max_steps = 7;
  now.data.workers = 5;
  now.data.sources[0].root = "elsewhere";
  now.validation.clips = 9;
  now.optimizer.lr = 0.5;
  now.data.sources[0].weight = 2;
  EXPECT_THAT(
      config_changes(config::to_leaves(before), config::to_leaves(now), distill_free_keys()),
      ElementsAre("data.sources.0.weight: 1 -> 2", "optimizer.lr: 1e-05 -> 0.5"));
  now = before;
  now.data.sources.clear();
  EXPECT_THAT(
      config_changes(config::to_leaves(before), config::to_leaves(now), distill_free_keys()),
      Not(ElementsAre()));
}

TEST(RunSetup, ARunGoesOnWithOtherFreeKeysOnly) {
  const test::TempDir folder;
  DistillUnetConfig config;
  RunOptions options{.output_dir = folder / "run"};
  open_run(config, options, distill_free_keys());
  EXPECT_THAT(thrown<ConfigError>([&] { open_run(config, options, distill_free_keys()); }),
              HasSubstr("--resume"));
  options.resume = true;
  config.train.max_steps = 3;
  open_run(config, options, distill_free_keys());
  config.loss.lambda = 0.25;
  EXPECT_THAT(thrown<ConfigError>([&] { open_run(config, options, distill_free_keys()); }),
              HasSubstr("loss.lambda: 0.5 -> 0.25"));
}

TEST(RunSetup, FindsThePathsThatAConfigNames) {
  const test::TempDir folder;
  folder.write("data/seed 1/x", "");
  folder.write("a \"student\": old/x", "");
  DistillUnetConfig config;
  config.model.student = folder / "a \"student\": old";
  config.model.teacher = folder / "absent";
  config.data.sources.resize(1);
  config.data.sources[0].root = (folder / "data/seed*").string();
  NamedPaths paths;
  config.fields(paths);
  EXPECT_THAT(paths.found(),
              testing::UnorderedElementsAre(folder / "data", folder / "a \"student\": old"));
}

TEST(RunSetup, OverwritingARunSparesWhatTheNewOneReads) {
  const test::TempDir folder;
  DistillUnetConfig config;
  RunOptions options{.output_dir = folder / "run", .overwrite = true};
  open_run(config, options, distill_free_keys());
  folder.write("run/checkpoints/step-000001/unet/config.json", "{}");
  config.model.student = folder / "run/checkpoints/step-000001";
  EXPECT_THAT(thrown<ConfigError>([&] { open_run(config, options, distill_free_keys()); }),
              HasSubstr("step-000001: is not replaced: it is the input"));
  EXPECT_TRUE(std::filesystem::exists(folder / "run/checkpoints/step-000001/unet/config.json"));
}

TEST(RunSetup, RefusesDevicesThatAreNotThere) {
  EXPECT_EQ(parse_device("cpu"), torch::Device(torch::kCPU));
  for (const char* name : {"gpu", "cuda:", "cuda:-1", "cuda:x", "CPU", ""}) {
    EXPECT_THAT(thrown<ConfigError>([&] { parse_device(name); }), HasSubstr("train.device"))
        << name;
  }
  EXPECT_THAT(thrown<ConfigError>([&] { parse_device("cuda:99"); }), HasSubstr("not there"));
  if (!torch::cuda::is_available()) {
    EXPECT_THAT(thrown<ConfigError>([&] { parse_device("cuda"); }), HasSubstr("0 CUDA devices"));
  }
}

TEST(RunSetup, ResolvesTheNumberOfThreads) {
  const int before = at::get_num_threads();
  TrainConfig config;
  config.threads = 0;
  configure_torch(config);
  EXPECT_GT(config.threads, 0);
  EXPECT_EQ(at::get_num_threads(), config.threads);
  at::set_num_threads(before);
}

}  // namespace
}  // namespace vdd::train
