// SPDX-License-Identifier: Apache-2.0
#include "vdd/train/trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <chrono>
#include <functional>
#include <limits>
#include <new>
#include <thread>

#include "support/clips.h"
#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/log.h"
#include "vdd/core/stop.h"
#include "vdd/core/text.h"
#include "vdd/io/safetensors.h"

namespace vdd::train {
namespace {

namespace fs = std::filesystem;
using test::content;
using test::TempDir;
using test::thrown;
using ::testing::AllOf;
using ::testing::HasSubstr;

/// Learns the mean colour of the clips: small enough to be followed by hand.
class Colour final : public Task {
 public:
  Colour() {
    torch::Tensor weight = torch::zeros({3}).requires_grad_();
    selection_.parameters.push_back(
        {.name = "weight", .tensor = weight, .trained = true, .pattern = "*"});
  }

  const optim::Selection& selection() const override { return selection_; }
  std::vector<optim::ParameterGroup> groups() const override {
    return {{.name = "colour", .parameters = selection_.trained(), .lr = 0.1}};
  }
  SampleLoss step(const data::Clip& clip, std::int64_t n) override {
    if (n == stop_at) stop();
    if (n == fail_at) fail();
    torch::Tensor error =
        (weight() - clip.rgb_TCHW.mean({0, 2, 3}) * static_cast<double>(n + 1)).square().sum();
    if (n == nan_at) error = error * std::numeric_limits<double>::quiet_NaN();
    return {.loss = {.total = error, .parts = {{"error", error.detach()}}}, .noise_seed = n};
  }
  ValidationResult validate(std::int64_t step, const run::RunDir&) override {
    if (step == fail_in_validation) fail();
    const double score = weight().square().sum().item<double>();
    return {.metrics = run::Record().add("valid/loss", score),
            .score = score,
            .pictures = {},
            .picture_problem = picture_problem};
  }
  void save_model(const fs::path& checkpoint, std::int64_t) override {
    io::save_safetensors(checkpoint / "model.safetensors", {{"weight", weight()}});
  }
  void load_model(const fs::path& checkpoint) override {
    const torch::NoGradGuard no_grad;
    weight().copy_(io::SafetensorsFile(checkpoint / "model.safetensors").get("weight"));
  }

  std::int64_t batch() const override { return batch_size; }
  std::vector<InputWeights> input_weights() const override { return inputs; }

  torch::Tensor weight() const { return selection_.parameters[0].tensor; }
  /// A frozen one that no disk can hold.
  void add_huge_parameter() {
    selection_.parameters.push_back({.name = "huge",
                                     .tensor = torch::empty({std::int64_t{1} << 58}, torch::kMeta),
                                     .trained = false,
                                     .pattern = "*"});
  }

  std::int64_t batch_size = 1;
  std::vector<InputWeights> inputs;
  std::int64_t stop_at = -1, nan_at = -1, fail_at = -1, fail_in_validation = -1;
  std::function<void()> fail = [] { throw DataError("frame", "is damaged"); };
  std::string picture_problem;

 private:
  static void stop() {
    set_time_limit(std::chrono::seconds(1));
    while (stop_requested() == StopReason::kNone) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  optim::Selection selection_;
};

class TrainerTest : public ::testing::Test {
 protected:
  TrainerTest() {
    test::write_clips(folder_ / "clips", 2, 6, 64, 64);
    data::DataConfig data;
    data.root = (folder_ / "clips").string();
    data.holdout = {};
    data.frames = 2;
    data.height = data.width = 64;
    dataset_ = std::make_shared<data::ClipDataset>(data);
    config_.train.max_steps = 5;
    config_.train.accumulation = 3;
    config_.train.checkpoint_every = 2;
    config_.train.keep = 9;
    config_.lr_schedule.warmup = 2;
    config_.optimizer.clip_norm = 1;
    config_.ema.enabled = true;
    config_.validation.at_start = false;
    config_.validation.every = 2;
  }
  ~TrainerTest() override { set_time_limit(std::chrono::seconds(0)); }

  ExitCode run(Colour& colour, const std::string& name, run::RunMode mode = run::RunMode::kNew) {
    run::RunDir run(folder_ / name, mode);
    run.write_config(concat("train:\n  max_steps: ", config_.train.max_steps, "\n"));
    Trainer trainer(colour, dataset_, config_, run);
    if (mode == run::RunMode::kResume) trainer.resume();
    return trainer.run();
  }
  void expect_same(const std::string& a, const std::string& b) {
    for (const char* file :
         {"metrics.jsonl", "metrics.csv", "checkpoints/step-000005/model.safetensors",
          "checkpoints/step-000005/trainer/optimizer.safetensors",
          "checkpoints/step-000005/trainer/weights.safetensors",
          "checkpoints/step-000005/trainer/state.json"}) {
      EXPECT_FALSE(content(folder_ / a / file).empty()) << file;
      EXPECT_EQ(content(folder_ / a / file), content(folder_ / b / file)) << file;
    }
    EXPECT_EQ(fs::read_symlink(folder_ / a / "checkpoints/best"),
              fs::read_symlink(folder_ / b / "checkpoints/best"));
  }

  TempDir folder_;
  std::shared_ptr<data::ClipDataset> dataset_;
  TrainingConfig config_;
};

TEST_F(TrainerTest, SamplesThatAreRunTogetherMakeTheSameUpdates) {
  Colour one, together;
  ASSERT_EQ(run(one, "one"), ExitCode::kDone);
  together.batch_size = 2;  // of windows of three: two, then one
  ASSERT_EQ(run(together, "together"), ExitCode::kDone);
  EXPECT_TRUE(torch::allclose(one.weight(), together.weight(), 1e-5, 1e-6));
  EXPECT_GT(one.weight().abs().max().item<double>(), 0.01);
}

TEST_F(TrainerTest, PassesThatRunAtTheSameTimeChangeNoByte) {
  Colour one, parallel;
  ASSERT_EQ(run(one, "one"), ExitCode::kDone);
  config_.train.parallel = 2;  // of three passes: two, then one
  ASSERT_EQ(run(parallel, "parallel"), ExitCode::kDone);
  expect_same("one", "parallel");
}

TEST_F(TrainerTest, APassThatFailsBesideOthersDropsItsWindow) {
  config_.train.parallel = 3;
  config_.train.max_nonfinite = 1;
  Colour one, parallel;
  one.nan_at = parallel.nan_at = 4;
  ASSERT_EQ(run(parallel, "parallel"), ExitCode::kDone);
  config_.train.parallel = 1;
  ASSERT_EQ(run(one, "one"), ExitCode::kDone);
  expect_same("one", "parallel");
  EXPECT_THAT(content(folder_ / "parallel" / "metrics.jsonl"), HasSubstr("\"dropped\": true"));
}

TEST_F(TrainerTest, AShortLastWindowIsTheMeanOfItsOwnSamples) {
  config_.train.max_samples = 5;  // 3 + 2
  config_.ema.enabled = false;
  config_.optimizer.clip_norm = 0;
  Colour colour;
  EXPECT_EQ(run(colour, "run"), ExitCode::kDone);

  torch::Tensor expected = torch::zeros({3}).requires_grad_();
  torch::optim::Adam adam({expected}, torch::optim::AdamOptions(0.05));
  for (const std::vector<std::int64_t>& window : {std::vector<std::int64_t>{0, 1, 2}, {3, 4}}) {
    torch::Tensor loss = torch::zeros({});
    for (const std::int64_t n : window) {
      const torch::Tensor mean = dataset_->load(0, n).rgb_TCHW.mean({0, 2, 3});
      loss = loss + (expected - mean * static_cast<double>(n + 1)).square().sum();
    }
    adam.zero_grad();
    (loss / static_cast<double>(window.size())).backward();
    adam.step();
    static_cast<torch::optim::AdamOptions&>(adam.param_groups()[0].options()).lr(0.1);
  }
  EXPECT_TRUE(torch::allclose(colour.weight(), expected, 1e-5, 1e-6))
      << colour.weight() << expected;
  EXPECT_THAT(content(folder_ / "run/metrics.jsonl"), HasSubstr("\"samples\": [3, 4]"));
}

TEST_F(TrainerTest, ARunThatWasStoppedAnywhereEndsWithTheSameBytes) {
  Colour undisturbed;
  ASSERT_EQ(run(undisturbed, "whole"), ExitCode::kDone);
  for (const std::int64_t sample :
       {1, 4, 5, 6, 14}) {  // inside windows, at their ends, in the last
    const std::string name = concat("stopped", sample);
    Colour first;
    first.stop_at = sample;
    const ExitCode code = run(first, name);
    set_time_limit(std::chrono::seconds(0));
    if (sample < 14) {
      EXPECT_EQ(code, ExitCode::kResumable);
      Colour second;
      EXPECT_EQ(run(second, name, run::RunMode::kResume), ExitCode::kDone);
    }
    SCOPED_TRACE(name);
    expect_same("whole", name);
  }
}

TEST_F(TrainerTest, AFinishedRunGoesOnWithMoreSteps) {
  Colour whole;
  ASSERT_EQ(run(whole, "whole"), ExitCode::kDone);
  config_.train.max_steps = 3;
  Colour first, second;
  ASSERT_EQ(run(first, "parts"), ExitCode::kDone);
  config_.train.max_steps = 5;
  ASSERT_EQ(run(second, "parts", run::RunMode::kResume), ExitCode::kDone);
  EXPECT_TRUE(torch::equal(whole.weight(), second.weight()));
}

TEST_F(TrainerTest, ANonFiniteLossStopsTheRunBeforeTheUpdate) {
  config_.train.max_steps = 2;
  Colour before;
  ASSERT_EQ(run(before, "before"), ExitCode::kDone);
  config_.train.max_steps = 5;
  Colour colour;
  colour.nan_at = 7;
  const std::string message = thrown<NonFiniteError>([&] { run(colour, "run"); });
  EXPECT_THAT(message, HasSubstr("update 3: "));
  EXPECT_THAT(message, HasSubstr("samples 6 (videos/clip"));
  EXPECT_TRUE(torch::equal(before.weight(), colour.weight()));
}

TEST_F(TrainerTest, DropsAsManyNonFiniteUpdatesAsItMay) {
  config_.train.max_nonfinite = 1;
  Colour colour;
  colour.nan_at = 7;
  EXPECT_EQ(run(colour, "run"), ExitCode::kDone);
  const std::string log = content(folder_ / "run/metrics.jsonl");
  EXPECT_THAT(log, HasSubstr("{\"step\": 3, \"dropped\": true, \"samples\": [6, 7, 8]}"));
  EXPECT_THAT(log, HasSubstr("\"samples\": [9, 10, 11]"));
  EXPECT_TRUE(colour.weight().isfinite().all().item<bool>());
}

TEST_F(TrainerTest, AnErrorEndsTheRunWithItsLastUpdateSaved) {
  Colour undisturbed;
  ASSERT_EQ(run(undisturbed, "whole"), ExitCode::kDone);
  config_.train.checkpoint_every = 100;
  const auto expect_saved = [&](const std::string& name, auto set, auto ends) {
    SCOPED_TRACE(name);
    Colour first, second;
    set(first);
    ends([&] { run(first, name); });
    set_time_limit(std::chrono::seconds(0));
    EXPECT_EQ(fs::read_symlink(folder_ / name / "checkpoints/latest"), "step-000003");
    EXPECT_EQ(run(second, name, run::RunMode::kResume), ExitCode::kDone);
    EXPECT_TRUE(torch::equal(second.weight(), undisturbed.weight()));
    EXPECT_EQ(content(folder_ / name / "metrics.jsonl"), content(folder_ / "whole/metrics.jsonl"));
  };
  const auto as_data_error = [](auto work) {
    EXPECT_THAT(thrown<DataError>(work), HasSubstr("frame: is damaged"));
  };
  const auto in_update_4 = [](Colour& colour) { colour.fail_at = 10; };
  expect_saved("data", in_update_4, as_data_error);
  expect_saved(
      "memory",
      [](Colour& colour) {
        colour.fail_at = 10;
        colour.fail = [] { throw std::bad_alloc(); };
      },
      [](auto work) { EXPECT_THROW(work(), std::bad_alloc); });
  expect_saved(
      "torch",
      [](Colour& colour) {
        colour.fail_at = 10;
        colour.fail = [] { TORCH_CHECK(false, "no kernel"); };
      },
      [](auto work) { EXPECT_THROW(work(), c10::Error); });
  expect_saved(
      "nan", [](Colour& colour) { colour.nan_at = 10; },
      [](auto work) { EXPECT_THROW(work(), NonFiniteError); });
  config_.train.parallel = 2;
  expect_saved("parallel", in_update_4, as_data_error);
}

TEST_F(TrainerTest, AnErrorInTheValidationLeavesTheRawWeights) {
  Colour undisturbed, first, second;
  ASSERT_EQ(run(undisturbed, "whole"), ExitCode::kDone);
  config_.train.checkpoint_every = 100;
  first.fail_in_validation = 4;
  EXPECT_THROW(run(first, "run"), DataError);
  EXPECT_EQ(fs::read_symlink(folder_ / "run/checkpoints/latest"), "step-000004");
  EXPECT_EQ(run(second, "run", run::RunMode::kResume), ExitCode::kDone);
  EXPECT_TRUE(torch::equal(second.weight(), undisturbed.weight()));
  EXPECT_EQ(content(folder_ / "run/metrics.jsonl"), content(folder_ / "whole/metrics.jsonl"));
}

TEST_F(TrainerTest, WeightsThatAnErrorLeftHalfWayAreNotSaved) {
  config_.ema.enabled = false;
  config_.validation.every = 0;
  Colour colour;
  colour.fail_at = 11;  // the last of its window
  // A gradient that the optimizer's kernel refuses.
  colour.fail = [&] {
    colour.weight().mutable_grad() = colour.weight().grad().to(torch::kFloat64);
  };
  EXPECT_ANY_THROW(run(colour, "run"));
  EXPECT_EQ(fs::read_symlink(folder_ / "run/checkpoints/latest"), "step-000002");
}

TEST_F(TrainerTest, AnErrorWhileTheLastUpdateIsSavedDoesNotHideTheFirst) {
  config_.train.checkpoint_every = 100;
  config_.validation.every = 0;
  Colour colour;
  colour.fail_at = 10;
  colour.fail = [&] {
    fs::remove_all(folder_ / "run/checkpoints");
    folder_.write("run/checkpoints", "in the way");
    throw DataError("frame", "is damaged");
  };
  log::add_file(folder_ / "log");
  EXPECT_THAT(thrown<DataError>([&] { run(colour, "run"); }), HasSubstr("frame: is damaged"));
  log::flush();
  EXPECT_THAT(content(folder_ / "log"),
              HasSubstr("an error ended the run after update 3, which could not be saved"));
}

TEST_F(TrainerTest, PicturesThatCannotBeWrittenAreAWarningSaidOnce) {
  Colour colour;
  colour.picture_problem = "no room";
  log::add_file(folder_ / "log");
  EXPECT_EQ(run(colour, "run"), ExitCode::kDone);
  log::flush();
  const std::string log = content(folder_ / "log");
  EXPECT_THAT(log, HasSubstr("pictures of a validation: not written: no room (said once"));
  EXPECT_EQ(log.find("no room"), log.rfind("no room"));
}

TEST_F(TrainerTest, ADiskWithoutRoomForTheCheckpointsIsRefusedBeforeTheStart) {
  Colour colour;
  colour.add_huge_parameter();
  EXPECT_THAT(thrown<ResourceError>([&] { run(colour, "run"); }),
              AllOf(HasSubstr("run/checkpoints: "), HasSubstr("MiB are free"),
                    HasSubstr("1099511627778 MiB each")));
}

TEST_F(TrainerTest, TheRoomForCheckpointsIsThatOfThoseToCome) {
  config_.ema.enabled = false;
  config_.validation.every = 0;
  config_.train.keep = 2;
  config_.train.checkpoint_every = 1;
  Colour colour;
  run::RunDir run(folder_ / "run", run::RunMode::kNew);
  // Weight, two moments, and a mebibyte for names and numbers.
  constexpr std::int64_t kEach = (1 << 20) + 3 * 3 * sizeof(float);
  const auto ahead = [&](std::int64_t steps) {
    config_.train.max_steps = steps;
    return Trainer(colour, dataset_, config_, run).checkpoint_bytes_ahead();
  };
  EXPECT_EQ(ahead(1), kEach);
  EXPECT_EQ(ahead(100), 4 * kEach);  // two, the best, and the next
  config_.train.max_samples = 5;     // of three an update
  EXPECT_EQ(ahead(100), 2 * kEach);
  config_.train.max_samples = 0;
  config_.train.checkpoint_every = 100;
  EXPECT_EQ(ahead(99), kEach);
  config_.train.checkpoint_every = 1;
  config_.train.max_steps = 3;
  Trainer(colour, dataset_, config_, run).run();
  EXPECT_EQ(ahead(100), 2 * kEach);
  EXPECT_EQ(ahead(3), 0);
}

TEST_F(TrainerTest, NoticesThatThePicturesWereReplaced) {
  config_.train.max_steps = 2;
  Colour first, refused, allowed, again;
  ASSERT_EQ(run(first, "run"), ExitCode::kDone);
  test::write_clips(folder_ / "clips", 2, 6, 64, 128);
  dataset_ = std::make_shared<data::ClipDataset>(dataset_->config());
  config_.train.max_steps = 3;
  EXPECT_THAT(thrown<ConfigError>([&] { run(refused, "run", run::RunMode::kResume); }),
              AllOf(HasSubstr("another data set"), HasSubstr("other names or sizes")));
  config_.train.allow_data_change = true;
  EXPECT_EQ(run(allowed, "run", run::RunMode::kResume), ExitCode::kDone);
  config_.train.allow_data_change = false;
  config_.train.max_steps = 4;
  EXPECT_EQ(run(again, "run", run::RunMode::kResume), ExitCode::kDone)
      << "the new ones are known now";
}

TEST_F(TrainerTest, RefusesToGoOnFromOtherInputs) {
  Colour colour;
  colour.inputs = {{"unet", "teacher UNet", "aaaa"}};
  ASSERT_EQ(run(colour, "run"), ExitCode::kDone);
  colour.inputs = {{"unet", "teacher UNet", "bbbb"}};
  EXPECT_THAT(thrown<ConfigError>([&] { run(colour, "run", run::RunMode::kResume); }),
              HasSubstr("another teacher UNet"));
}

TEST_F(TrainerTest, LeavesAReportThatMayFail) {
  config_.train.max_steps = 3;
  Colour first, second;
  ASSERT_EQ(run(first, "run"), ExitCode::kDone);
  const fs::path report = folder_ / "run/report.html";
  EXPECT_THAT(content(report), HasSubstr("<td>3 of 3</td>"));
  EXPECT_THAT(content(report), HasSubstr("Validation: loss"));

  fs::remove(report);
  fs::create_directories(report / "in the way");
  config_.train.max_steps = 5;
  log::add_file(folder_ / "log");
  EXPECT_EQ(run(second, "run", run::RunMode::kResume), ExitCode::kDone);
  log::flush();
  const std::string log = content(folder_ / "log");
  EXPECT_NE(log.find("report.html: not written: "), std::string::npos) << log;
  EXPECT_EQ(log.find("report.html: not written: "), log.rfind("report.html: not written: "));
}

TEST_F(TrainerTest, TheModelFolderHoldsTheAveragedWeights) {
  Colour colour;
  ASSERT_EQ(run(colour, "run"), ExitCode::kDone);
  const fs::path last = folder_ / "run/checkpoints/step-000005";
  const auto averaged = io::SafetensorsFile(last / "model.safetensors").get("weight").clone();
  const auto raw = io::SafetensorsFile(last / "trainer/weights.safetensors").get("weight").clone();
  EXPECT_TRUE(torch::equal(raw, colour.weight().detach()));
  EXPECT_FALSE(torch::equal(averaged, raw));
}

}  // namespace
}  // namespace vdd::train
