// SPDX-License-Identifier: Apache-2.0
// The program `distill_decoder` after a run of `distill_unet`, as a user starts, kills and resumes
// it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <map>
#include <memory>

#include "e2e/training_runs.h"
#include "support/clips.h"
#include "support/run_program.h"
#include "support/temp_dir.h"

namespace vdd::test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class DistillDecoder : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    shared_ = std::make_unique<TempDir>();
    write_clips(*shared_ / "clips", 3, 8, 64, 128);
    auto first = common("stage1_deterministic", *shared_ / "stage1");
    first.insert(first.end(), {"train.max_steps=2", "validation.every=0"});
    const Finished stage1 = run_program("distill_unet", first);
    ASSERT_EQ(stage1.code, 0) << stage1.err;
    whole_ = *shared_ / "whole";
    const Finished run = run_program("distill_decoder", arguments(whole_));
    ASSERT_EQ(run.code, 0) << run.err;
    EXPECT_EQ(run.out, whole_.string() + "\n");
  }
  static void TearDownTestSuite() { shared_.reset(); }

  static std::vector<std::string> common(const std::string& preset, const fs::path& run) {
    return {"-c",
            VDD_SOURCE_DIR "/configs/tiny/" + preset + ".yaml",
            "-o",
            run.string(),
            "data.root=" + (*shared_ / "clips").string(),
            "data.frames=2",
            "data.clips=3",
            "data.holdout=[]",
            "train.threads=1",
            "teacher.steps=2"};
  }
  static std::vector<std::string> arguments(const fs::path& run,
                                            const std::vector<std::string>& more = {}) {
    auto out = common("stage2_dpt", run);
    out.insert(out.end(), {"model.student=" + (*shared_ / "stage1/checkpoints/latest").string(),
                           "train.max_steps=" + std::to_string(kSteps), "train.checkpoint_every=3",
                           "train.keep=9", "ema.enabled=true", "lr_schedule.warmup=1",
                           "validation.every=4", "validation.clips=1"});
    out.insert(out.end(), more.begin(), more.end());
    return out;
  }

  static constexpr int kSteps = 8;
  static std::unique_ptr<TempDir> shared_;
  static fs::path whole_;
  TempDir folder_;
};
std::unique_ptr<TempDir> DistillDecoder::shared_;
fs::path DistillDecoder::whole_;

TEST_F(DistillDecoder, TheLossFallsAndTheCheckpointIsAStudentWithAHead) {
  const std::vector<double> loss = losses(whole_);
  ASSERT_EQ(loss.size(), static_cast<std::size_t>(kSteps));
  EXPECT_LT(loss.back(), 0.9 * loss.front());
  for (const char* name :
       {"config.resolved.yaml", "checkpoints/latest/unet/config.json",
        "checkpoints/best/dpt_head/config.json",
        "checkpoints/best/dpt_head/diffusion_pytorch_model.safetensors",
        "checkpoints/latest/trainer/optimizer.safetensors", "samples/step-000008-clip0.png"}) {
    EXPECT_TRUE(fs::is_regular_file(whole_ / name)) << name;
  }
  EXPECT_THAT(content(whole_ / "checkpoints/latest/vdd.json"), HasSubstr("\"decoder\": \"dpt\""));
  const std::string log = content(whole_ / "metrics.jsonl");
  for (const char* key : {"silog", "affinity", "gradient", "lr_unet", "lr_head", "valid/silog",
                          "valid/disparity_difference"}) {
    EXPECT_THAT(log, HasSubstr(std::string("\"") + key + "\": "));
  }
  const Finished doctor = run_program("vdd", {"doctor", whole_.string()});
  EXPECT_EQ(doctor.code, 0) << doctor.err;
}

TEST_F(DistillDecoder, ARunKilledAnywhereAndResumedEndsWithTheSameBytes) {
  for (const int lines : {1, 6}) {  // before the first checkpoint, after it
    const fs::path run = folder_ / ("killed" + std::to_string(lines));
    ASSERT_EQ(run_and_signal("distill_decoder", arguments(run), run, SIGKILL, lines),
              128 + SIGKILL);
    const Finished again = run_program("distill_decoder", {"--resume", "-o", run.string()});
    ASSERT_EQ(again.code, 0) << again.err;
    SCOPED_TRACE(run.filename());
    expect_same(whole_, run);
  }
}

TEST_F(DistillDecoder, WorkersAndCacheDoNotChangeAByte) {
  const std::map<std::string, std::vector<std::string>> variants = {
      {"workers0", {"data.workers=0"}},
      {"workers7", {"data.workers=7", "data.prefetch=5"}},
      {"latents of stage 1", {"cache.dir=" + (*shared_ / "stage1/teacher_cache").string()}},
      {"uncached", {"cache.enabled=false"}}};
  for (const auto& [name, settings] : variants) {
    const Finished run = run_program("distill_decoder", arguments(folder_ / name, settings));
    ASSERT_EQ(run.code, 0) << run.err;
    SCOPED_TRACE(name);
    expect_same(whole_, folder_ / name, /*other_settings=*/true);
  }
}

TEST_F(DistillDecoder, WithACompleteCacheNeitherTeacherNorVaeIsLoaded) {
  const std::string dir = (folder_ / "cache").string();
  const std::vector<std::string> words = arguments(folder_ / "run", {"cache.dir=" + dir});
  std::vector<std::string> build = {"cache", "build"};
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "-o") {
      ++i;
    } else {
      build.push_back(words[i]);
    }
  }
  const Finished built = run_program("vdd", build);
  ASSERT_EQ(built.code, 0) << built.err;
  EXPECT_EQ(built.out, "4 computed, 0 found\n");  // 3 clips, 1 of the validation
  EXPECT_EQ(run_program("vdd", build).out, "0 computed, 4 found\n");
  const Finished verified =
      run_program("vdd", {"cache", "verify", dir, "-c", (whole_ / "config.resolved.yaml").string(),
                          "--set", "cache.dir=" + dir, "--recompute", "2"});
  EXPECT_EQ(verified.code, 0) << verified.err;
  EXPECT_THAT(verified.out, HasSubstr("2 computed anew"));

  const Finished run = run_program("distill_decoder", words);
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr("neither the teacher nor its VAE was loaded"));
  expect_same(whole_, folder_ / "run", /*other_settings=*/true);
}

TEST_F(DistillDecoder, RefusesWhatCannotBeMeantAndADryRunWritesNothing) {
  const auto refused = [&](const std::vector<std::string>& words, int code,
                           const std::string& text) {
    const Finished run = run_program("distill_decoder", words);
    EXPECT_EQ(run.code, code) << run.err;
    EXPECT_THAT(run.err, HasSubstr(text));
  };
  refused(arguments(whole_, {"--resume", "head.lr=2e-3"}), 2, "head.lr: 0.001 -> 0.002");
  refused(arguments(folder_ / "a", {"head.init_from=/nowhere"}), 3, "/nowhere");
  refused(arguments(folder_ / "b", {"model.student=/nowhere"}), 3, "/nowhere");
  refused(arguments(folder_ / "c", {"loss.affinity.pairs=[]"}), 2, "loss.affinity.pairs: none");
  auto words = arguments(folder_ / "none");
  words.push_back("--dry-run");
  const Finished run = run_program("distill_decoder", words);
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr("frozen: !refinenet4.resConfUnit1"));
  EXPECT_TRUE(folder_.names().empty()) << "a start that was refused leaves no run folder";
}

}  // namespace
}  // namespace vdd::test
