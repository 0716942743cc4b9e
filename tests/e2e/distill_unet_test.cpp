// SPDX-License-Identifier: Apache-2.0
// The program `distill_unet` as a user starts, stops, kills and resumes it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
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
using ::testing::Not;

class DistillUnet : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    shared_ = std::make_unique<TempDir>();
    write_clips(*shared_ / "clips", 3, 8, 64, 128);
    whole_ = *shared_ / "whole";
    const Finished run = run_program("distill_unet", arguments(whole_));
    ASSERT_EQ(run.code, 0) << run.err;
    EXPECT_EQ(run.out, whole_.string() + "\n");
  }
  static void TearDownTestSuite() { shared_.reset(); }

  static std::vector<std::string> arguments(const fs::path& run,
                                            const std::vector<std::string>& more = {}) {
    std::vector<std::string> out = {"-c",
                                    VDD_SOURCE_DIR "/configs/tiny/stage1_deterministic.yaml",
                                    "-o",
                                    run.string(),
                                    "data.root=" + (*shared_ / "clips").string(),
                                    "data.frames=2",
                                    "data.clips=3",
                                    "data.holdout=[]",
                                    "train.max_steps=" + std::to_string(kSteps),
                                    "train.checkpoint_every=3",
                                    "train.keep=9",
                                    "train.threads=1",
                                    "teacher.steps=2",
                                    "ema.enabled=true",
                                    "validation.every=4",
                                    "validation.clips=1",
                                    "validation.depth=false"};
    out.insert(out.end(), more.begin(), more.end());
    return out;
  }

  static int run_and_signal(const fs::path& run, int signal, int lines) {
    return test::run_and_signal("distill_unet", arguments(run), run, signal, lines);
  }

  static constexpr int kSteps = 8;
  static std::unique_ptr<TempDir> shared_;
  static fs::path whole_;
  TempDir folder_;
};
std::unique_ptr<TempDir> DistillUnet::shared_;
fs::path DistillUnet::whole_;

TEST_F(DistillUnet, TheLossFalls) {
  const std::vector<double> loss = losses(whole_);
  ASSERT_EQ(loss.size(), static_cast<std::size_t>(kSteps));
  EXPECT_LT(loss.back(), 0.9 * loss.front());
  for (const char* name : {"config.resolved.yaml", "manifest.json", "run.log", "timing.jsonl",
                           "checkpoints/latest/unet/config.json",
                           "checkpoints/best/unet/diffusion_pytorch_model.safetensors"}) {
    EXPECT_TRUE(fs::is_regular_file(whole_ / name)) << name;
  }
}

TEST_F(DistillUnet, ARunKilledAnywhereAndResumedEndsWithTheSameBytes) {
  for (const int lines : {1, 4, 6, 9}) {  // before the first checkpoint, between, after the second
    const fs::path run = folder_ / ("killed" + std::to_string(lines));
    ASSERT_EQ(run_and_signal(run, SIGKILL, lines), 128 + SIGKILL);
    const Finished again = run_program("distill_unet", arguments(run, {"--resume"}));
    ASSERT_EQ(again.code, 0) << again.err;
    SCOPED_TRACE(run.filename());
    expect_same(whole_, run);
  }
}

TEST_F(DistillUnet, SigtermSavesAndCtrlCSaysSo) {
  const fs::path run = folder_ / "run";
  EXPECT_EQ(run_and_signal(run, SIGTERM, 3), 75) << content(run.string() + ".err");
  EXPECT_TRUE(fs::exists(run / "checkpoints/latest/complete.json"));
  // Without -c the run's own config is taken.
  const Finished again = run_program("distill_unet", {"--resume", "-o", run.string()});
  ASSERT_EQ(again.code, 0) << again.err;
  std::map<std::string, std::string> here = results(run), there = results(whole_);
  const std::string weights = "checkpoints/step-000008/unet/diffusion_pytorch_model.safetensors";
  EXPECT_TRUE(here.at(weights) == there.at(weights));
  EXPECT_EQ(here.at("metrics.jsonl"), there.at("metrics.jsonl"));
  EXPECT_EQ(run_and_signal(folder_ / "other", SIGINT, 2), 130);
}

TEST_F(DistillUnet, WorkersAndCacheDoNotChangeAByte) {
  const std::map<std::string, std::vector<std::string>> variants = {
      {"workers0", {"data.workers=0"}},
      {"workers7", {"data.workers=7", "data.prefetch=5"}},
      {"uncached", {"cache.enabled=false"}},
      {"unwritable", {"cache.dir=/dev/null/cache"}},
      {"cached", {"cache.dir=" + (whole_ / "teacher_cache").string()}}};
  for (const auto& [name, settings] : variants) {
    const Finished run = run_program("distill_unet", arguments(folder_ / name, settings));
    ASSERT_EQ(run.code, 0) << run.err;
    SCOPED_TRACE(name);
    expect_same(whole_, folder_ / name, /*other_settings=*/true);
    EXPECT_EQ(run.err.find("teacher loaded") == std::string::npos, name == "cached") << run.err;
    EXPECT_EQ(run.err.find("entries could not be written") != std::string::npos,
              name == "unwritable")
        << run.err;
  }
}

TEST_F(DistillUnet, TheCacheCanBeBuiltAheadAndIsVerified) {
  const std::string dir = (folder_ / "cache").string();
  std::vector<std::string> build = {"cache", "build", "--dir", dir};
  for (const std::string& word : arguments(folder_ / "unused")) {
    if (word != "-o" && word != (folder_ / "unused").string()) build.push_back(word);
  }
  const auto shard = [&build](const std::string& part) {
    std::vector<std::string> words = build;
    words.insert(words.end(), {"--shard", part});
    return run_program("vdd", words);
  };
  for (const char* bad : {"3/2", "0/2", "2", "1/2/3", "1/x"}) {
    const Finished refused = shard(bad);
    EXPECT_EQ(refused.code, 2) << bad;
    EXPECT_THAT(refused.err, HasSubstr(std::string("--shard: '") + bad + "' is not I/N"));
    EXPECT_EQ(std::ranges::count(refused.err, '\n'), 1) << refused.err;
  }
  EXPECT_EQ(shard("2/2").out, "1 computed, 0 found\n");  // sample 1
  Finished done = run_program("vdd", build);
  ASSERT_EQ(done.code, 0) << done.err;
  EXPECT_THAT(done.err, HasSubstr("cache: entries to add: about 3 (1 MiB); free disk: "));
  EXPECT_EQ(done.out, "3 computed, 1 found\n");  // 3 clips, 1 of the validation
  EXPECT_EQ(run_program("vdd", build).out, "0 computed, 4 found\n");
  for (const auto& entry : fs::recursive_directory_iterator(dir)) {
    if (entry.path().parent_path().filename().string().size() != 2) continue;
    fs::resize_file(entry.path(), 100);
    break;
  }
  EXPECT_EQ(run_program("vdd", {"cache", "verify", dir}).code, 6);
  EXPECT_EQ(run_program("vdd", build).out, "1 computed, 3 found\n");
  EXPECT_EQ(run_program("vdd", {"cache", "verify", dir}).code, 0);
  EXPECT_THAT(run_program("vdd", {"cache", "stat", dir}).out, HasSubstr("4 entries"));

  const Finished run =
      run_program("distill_unet", arguments(folder_ / "run", {"cache.dir=" + dir}));
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr("neither the teacher nor its VAE was loaded"));
  expect_same(whole_, folder_ / "run", /*other_settings=*/true);

  EXPECT_EQ(run_program("vdd", {"cache", "verify", dir}).code, 0);
  for (const auto& entry : fs::recursive_directory_iterator(dir)) {
    if (entry.path().string().find("random-teacher") != std::string::npos) continue;
    if (entry.path().extension() != ".safetensors") continue;
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(-1, std::ios::end).put('\x7f');
    break;
  }
  const Finished bad = run_program("vdd", {"cache", "verify", dir});
  EXPECT_EQ(bad.code, 6);
  EXPECT_THAT(bad.out, HasSubstr("4 entries, 1 damaged"));
}

TEST_F(DistillUnet, AnswersThatWillNotBeReadAgainAreNotKept) {
  const auto train = [&](const std::string& name, const std::string& setting) {
    const Finished run = run_program(
        "distill_unet", arguments(folder_ / name, {"data.clips=0", "train.max_steps=4", setting}));
    EXPECT_EQ(run.code, 0) << run.err;
    return run.err;
  };
  const std::string said = train("run", "cache.enabled=true");
  EXPECT_THAT(said, HasSubstr("answers of training clips are not cached: data.clips is 0, so few "
                              "would be read again\n"));
  EXPECT_THAT(said, HasSubstr("cache: entries to add: about 1 (1 MiB); free disk: "));
  EXPECT_THAT(run_program("vdd", {"cache", "stat", (folder_ / "run/teacher_cache").string()}).out,
              HasSubstr("1 entries"));  // of the validation
  EXPECT_THAT(train("off", "cache.enabled=false"), Not(HasSubstr("not cached")));
  EXPECT_THAT(train("full", "cache.max_size=1KB"), HasSubstr("would exceed cache.max_size"));
  expect_same(folder_ / "run", folder_ / "off", /*other_settings=*/true);
  expect_same(folder_ / "run", folder_ / "full", /*other_settings=*/true);
}

TEST_F(DistillUnet, RefusesWhatCannotBeMeant) {
  const auto refused = [&](const std::vector<std::string>& words, int code,
                           const std::string& text) {
    const Finished run = run_program("distill_unet", words);
    EXPECT_EQ(run.code, code) << run.err;
    EXPECT_THAT(run.err, HasSubstr(text));
    EXPECT_THAT(run.err, Not(HasSubstr("what()")));
  };
  refused(arguments(whole_), 2, "--resume");
  refused(arguments(whole_, {"--resume", "loss.lambda=0.25"}), 2, "loss.lambda: 0.5 -> 0.25");
  refused(arguments(folder_ / "a", {"train.max_step=3"}), 2, "did you mean 'max_steps'?");
  refused(arguments(folder_ / "b", {"data.root=/nowhere"}), 3, "/nowhere");
  refused(arguments(folder_ / "c", {"model.teacher=/nowhere"}), 3, "/nowhere");
  refused(arguments(folder_ / "d", {"train.device=cuda:99"}), 2, "cuda:99");
  refused(arguments(folder_ / "h", {"cache.max_size=200"}), 2, "'200' is no size");
  const TempDir models;
  for (const char* name : {"cut", "no_vae"})
    fs::copy(whole_ / "teacher", models / name, fs::copy_options::recursive);
  fs::resize_file(models / "cut/unet/diffusion_pytorch_model.safetensors", 100'000);
  fs::remove_all(models / "no_vae/vae");
  const auto teacher = [&](const char* name) {
    return "model.teacher=" + (models / name).string();
  };
  refused(arguments(folder_ / "f", {teacher("cut")}), 3, "is it cut off?");
  refused(arguments(folder_ / "g", {teacher("no_vae")}), 3, "no_vae: holds no vae/");
  refused({"-o", (folder_ / "e").string()}, 2, "--config");
  EXPECT_TRUE(folder_.names().empty()) << "a start that was refused leaves no run folder";
}

TEST_F(DistillUnet, ADryRunAuditsAndWritesNothing) {
  auto words = arguments(folder_ / "none");
  words.push_back("--dry-run");
  const Finished run = run_program("distill_unet", words);
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr("frozen: !temporal_res_block"));
  EXPECT_FALSE(fs::exists(folder_ / "none"));
}

}  // namespace
}  // namespace vdd::test
