// SPDX-License-Identifier: Apache-2.0
// `vdd train-vae` as a user runs, stops and resumes it.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "e2e/training_runs.h"
#include "support/clips.h"
#include "support/run_program.h"
#include "support/temp_dir.h"

namespace vdd::test {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> arguments(const fs::path& clips, const fs::path& run) {
  return {"train-vae",
          "-c",
          VDD_SOURCE_DIR "/configs/tiny/train_vae.yaml",
          "-o",
          run.string(),
          "data.root=" + clips.string(),
          "data.holdout=[]",
          "data.frames=2",
          "data.height=64",
          "data.width=128",
          "crops.count=2",
          "crops.size=32",
          "lr_schedule.warmup=1",
          "lr_schedule.length=40",
          "train.max_steps=8",
          "train.threads=1",
          "train.checkpoint_every=100",
          "scale_clips=1",
          "validation.every=4",
          "validation.clips=1"};
}

TEST(TrainVae, LearnsAndNeitherAResumeNorParallelPassesChangeAByte) {
  const TempDir folder;
  write_clips(folder / "clips", 2, 4, 64, 128);
  const Finished whole = run_program("vdd", arguments(folder / "clips", folder / "whole"));
  ASSERT_EQ(whole.code, 0) << whole.err;
  const auto values = losses(folder / "whole");
  ASSERT_EQ(values.size(), 8U);
  EXPECT_LT(values.back(), 0.9 * values.front());

  // Cut short after four updates, then on to the same end.
  auto half = arguments(folder / "clips", folder / "half");
  half.emplace_back("train.max_steps=4");
  ASSERT_EQ(run_program("vdd", half).code, 0);
  auto rest = arguments(folder / "clips", folder / "half");
  rest.emplace_back("--resume");
  const Finished resumed = run_program("vdd", rest);
  ASSERT_EQ(resumed.code, 0) << resumed.err;

  // The preset's two passes side by side, now one after the other.
  auto serial = arguments(folder / "clips", folder / "serial");
  serial.emplace_back("train.parallel=1");
  ASSERT_EQ(run_program("vdd", serial).code, 0);
  for (const char* name :
       {"metrics.jsonl", "checkpoints/latest/vae/diffusion_pytorch_model.safetensors",
        "checkpoints/latest/vae/config.json", "checkpoints/latest/trainer/optimizer.safetensors"}) {
    for (const char* other : {"half", "serial"}) {
      EXPECT_TRUE(content(folder / "whole" / name) == content(folder / other / name))
          << other << ' ' << name;
    }
  }
}

TEST(TrainVae, LearnsFromATeachersAnswersTheSameWithAndWithoutTheCache) {
  const TempDir folder;
  const Finished data =
      run_program("vdd", {"sample-data", "--out", (folder / "data").string(), "--sequences", "4",
                          "--frames", "4", "--size", "64x128"});
  ASSERT_EQ(data.code, 0) << data.err;
  const Finished teacher = run_program(
      "distill_unet", {"-c", VDD_SOURCE_DIR "/configs/tiny/stage1_deterministic.yaml", "-o",
                       (folder / "teacher_run").string(), "data.root=" + (folder / "data").string(),
                       "data.frames=2", "data.height=64", "data.width=128", "train.max_steps=1",
                       "lr_schedule.warmup=0", "validation.every=0"});
  ASSERT_EQ(teacher.code, 0) << teacher.err;
  const std::string model = (folder / "teacher_run/teacher").string();

  const auto train = [&](const std::string& run, const std::vector<std::string>& more) {
    auto settings = arguments(folder / "data", folder / run);
    for (auto& setting : settings) {
      if (setting.ends_with("train_vae.yaml")) {
        setting = VDD_SOURCE_DIR "/configs/tiny_teacher/08_train_vae_answers.yaml";
      }
    }
    settings.insert(settings.end(),
                    {"model.init=" + model, "model.teacher=" + model, "teacher.steps=2",
                     "data.clips=3", "train.max_steps=4", "validation.every=2"});
    settings.insert(settings.end(), more.begin(), more.end());
    return run_program("vdd", settings);
  };
  const Finished cached = train("cached", {});
  ASSERT_EQ(cached.code, 0) << cached.err;
  const Finished plain = train("plain", {"cache.enabled=false", "train.parallel=1"});
  ASSERT_EQ(plain.code, 0) << plain.err;
  EXPECT_TRUE(fs::is_directory(folder / "cached/teacher_cache"));
  EXPECT_FALSE(fs::exists(folder / "plain/teacher_cache"));
  for (const char* name :
       {"metrics.jsonl", "checkpoints/latest/vae/diffusion_pytorch_model.safetensors"}) {
    EXPECT_TRUE(content(folder / "cached" / name) == content(folder / "plain" / name)) << name;
  }
  EXPECT_NE(content(folder / "cached/metrics.jsonl").find("\"valid/answer_abs_rel\""),
            std::string::npos);

  const Finished exported =
      run_program("vdd", {"export", (folder / "cached/checkpoints/latest").string(), "-o",
                          (folder / "model").string()});
  EXPECT_EQ(exported.code, 0) << exported.err;
  EXPECT_TRUE(fs::is_directory(folder / "model/unet"));

  const Finished other = train("other", {"model.init=" VDD_SOURCE_DIR "/models/tiny"});
  EXPECT_EQ(other.code, 2);
  EXPECT_NE(other.err.find("is not that of model.init"), std::string::npos) << other.err;
  EXPECT_FALSE(fs::exists(folder / "other"));
}

}  // namespace
}  // namespace vdd::test
