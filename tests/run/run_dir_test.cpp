// SPDX-License-Identifier: Apache-2.0
#include "vdd/run/run_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"

namespace vdd::run {
namespace {

namespace fs = std::filesystem;
using test::content;
using test::TempDir;
using test::thrown;
using testing::AllOf;
using testing::HasSubstr;

TEST(RunDir, ANewRunTakesAMissingOrEmptyFolder) {
  const TempDir temp;
  { const RunDir run(temp / "a/b", RunMode::kNew); }
  EXPECT_TRUE(fs::is_directory(temp / "a/b/checkpoints"));
  fs::create_directory(temp / "empty");
  const RunDir run(temp / "empty", RunMode::kNew);
  EXPECT_EQ(run.sample(500, "clip0.png"), temp / "empty/samples/step-000500-clip0.png");
}

TEST(RunDir, AnExistingRunNeedsResumeOrOverwrite) {
  const TempDir temp;
  { RunDir(temp / "run", RunMode::kNew).write_config("lr: 1\n"); }
  EXPECT_THAT(
      thrown<ConfigError>([&] { RunDir(temp / "run", RunMode::kNew); }),
      AllOf(HasSubstr((temp / "run").string()), HasSubstr("--resume"), HasSubstr("--overwrite")));
  { const RunDir resumed(temp / "run", RunMode::kResume); }
  EXPECT_EQ(content(temp / "run/config.resolved.yaml"), "lr: 1\n");
  { const RunDir overwritten(temp / "run", RunMode::kOverwrite); }
  EXPECT_FALSE(fs::exists(temp / "run/config.resolved.yaml"));
}

TEST(RunDir, ThereMustBeARunToResume) {
  const TempDir temp;
  EXPECT_THAT(thrown<ConfigError>([&] { RunDir(temp / "missing", RunMode::kResume); }),
              HasSubstr("no run to resume"));
  EXPECT_FALSE(fs::exists(temp / "missing"));
}

TEST(RunDir, AFolderOfSomebodyElseIsRefusedInEveryMode) {
  const TempDir temp;
  temp.write("home/thesis.tex", "x");
  temp.write("home/manifest.json", "{}");  // data sets have one too
  for (const RunMode mode : {RunMode::kNew, RunMode::kOverwrite, RunMode::kResume}) {
    EXPECT_THAT(thrown<ConfigError>([&] { RunDir(temp / "home", mode); }), HasSubstr("no run"));
  }
  temp.write("file", "x");
  EXPECT_THAT(thrown<ConfigError>([&] { RunDir(temp / "file", RunMode::kOverwrite); }),
              HasSubstr("not a folder"));
  EXPECT_EQ(std::distance(fs::directory_iterator(temp / "home"), {}), 2);
}

TEST(RunDir, OverwriteDeletesOnlyWhatARunWrites) {
  const TempDir temp;
  { RunDir(temp / "run", RunMode::kNew).write_config("lr: 1\n"); }
  for (const char* ours :
       {"metrics.jsonl", "metrics.csv", "timing.jsonl", "run.log", "manifest.json",
        "samples/step-000001-a.png", "tb/events.out.tfevents.1.host.2.0",
        "checkpoints/step-000001/unet/config.json", "checkpoints/.trash-step-000000/x",
        "teacher/model_index.json", "teacher/vae/config.json"}) {
    temp.write(std::string("run/") + ours, "x");
  }
  const auto kept = {"run/notes.txt", "run/teacher_cache/x.safetensors", "run/samples/mine.png",
                     "run/checkpoints/mine/file"};
  for (const char* name : kept) temp.write(name, "x");
  temp.write("elsewhere/step-000001-b.png", "x");
  fs::create_directory_symlink(temp / "elsewhere", temp / "run/checkpoints/step-000002");

  const RunDir run(temp / "run", RunMode::kOverwrite);
  std::vector<std::string> left;
  for (const auto& entry : fs::recursive_directory_iterator(temp / "run")) {
    if (!entry.is_directory())
      left.push_back(entry.path().lexically_relative(temp.path()).string());
  }
  EXPECT_THAT(left, testing::UnorderedElementsAre(
                        "run/notes.txt", "run/teacher_cache/x.safetensors", "run/samples/mine.png",
                        "run/checkpoints/mine/file", "run/run.lock"));
  EXPECT_TRUE(fs::exists(temp / "elsewhere/step-000001-b.png"));
}

TEST(RunDir, ASecondProcessIsToldWhoHoldsTheRun) {
  const TempDir temp;
  const RunDir run(temp / "run", RunMode::kNew);
  for (const RunMode mode : {RunMode::kNew, RunMode::kOverwrite, RunMode::kResume}) {
    const std::string message = thrown<ConfigError>([&] { RunDir(temp / "run", mode); });
    EXPECT_THAT(message, HasSubstr("in use by process " + std::to_string(::getpid()) + " on "));
    EXPECT_THAT(message, testing::ContainsRegex("started 20..-..-..T..:..:..Z"));
  }
}

TEST(RunDir, OneOfManyRacersWins) {
  const TempDir temp;
  std::vector<pid_t> racers;
  int start[2];
  ASSERT_EQ(::pipe(start), 0);
  for (int i = 0; i < 10; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(start[1]);
      char byte;
      [[maybe_unused]] const ssize_t go = ::read(start[0], &byte, 1);
      try {
        const RunDir run(temp / "run", RunMode::kNew);
        ::usleep(500'000);
        ::_exit(0);
      } catch (const ConfigError&) {
        ::_exit(2);
      }
    }
    racers.push_back(child);
  }
  ::close(start[0]);
  ::close(start[1]);  // the gun
  int winners = 0, losers = 0;
  for (const pid_t racer : racers) {
    int status = 0;
    ::waitpid(racer, &status, 0);
    winners += WIFEXITED(status) && WEXITSTATUS(status) == 0;
    losers += WIFEXITED(status) && WEXITSTATUS(status) == 2;
  }
  EXPECT_EQ(winners, 1);
  EXPECT_EQ(losers, 9);
}

TEST(RunDir, ALockOfADeadProcessDoesNotCount) {
  const TempDir temp;
  const pid_t child = ::fork();
  if (child == 0) {
    const RunDir run(temp / "run", RunMode::kNew);
    ::_exit(0);  // as a kill would: no destructor
  }
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(fs::exists(temp / "run/run.lock"));
  const RunDir run(temp / "run", RunMode::kResume);
}

TEST(RunDir, WhatKilledProcessesLeftIsSweptAtTheNextStart) {
  const TempDir temp;
  { const RunDir run(temp / "run", RunMode::kNew); }
  for (const char* name :
       {".tmp-manifest.json-0123456789abcdef", ".tmp-teacher-0123456789abcdef/unet/config.json",
        "samples/.tmp-step-000001-clip0.png-0123456789abcdef", "tb/.tmp-notes"}) {
    temp.write(std::string("run/") + name, "x");
  }
  const RunDir run(temp / "run", RunMode::kResume);
  EXPECT_FALSE(fs::exists(temp / "run/.tmp-manifest.json-0123456789abcdef"));
  EXPECT_FALSE(fs::exists(temp / "run/.tmp-teacher-0123456789abcdef"));
  EXPECT_TRUE(fs::is_empty(temp / "run/samples"));
  EXPECT_TRUE(fs::exists(temp / "run/tb/.tmp-notes"));
}

TEST(RunDir, OverwriteDeletesNoInput) {
  const TempDir temp;
  { RunDir(temp / "run", RunMode::kNew).write_config("lr: 1\n"); }
  temp.write("run/checkpoints/step-000001/unet/config.json", "{}");
  fs::create_directory_symlink("step-000001", temp / "run/checkpoints/best");
  const auto overwrite = [&](const fs::path& input) {
    return thrown<ConfigError>(
        [&] { const RunDir run(temp / "run", RunMode::kOverwrite, {input}); });
  };
  EXPECT_THAT(overwrite(temp / "run/checkpoints/best"), HasSubstr("it is the input"));
  EXPECT_THAT(overwrite(temp / "run/checkpoints/step-000001/unet"),
              HasSubstr("it holds the input"));
  EXPECT_THAT(overwrite(temp / "run"), HasSubstr("it lies in the input"));
  EXPECT_TRUE(fs::exists(temp / "run/checkpoints/step-000001/unet/config.json"));
  { const RunDir run(temp / "run", RunMode::kOverwrite, {temp / "data", temp / "run/teacher"}); }
  EXPECT_FALSE(fs::exists(temp / "run/checkpoints/step-000001"));
}

TEST(RunDir, OverwriteDeletesWhatARunWritesAndNothingOfANameLikeIt) {
  const TempDir temp;
  { RunDir(temp / "run", RunMode::kNew).write_config("lr: 1\n"); }
  const char* ours[] = {"config.resolved.12.yaml", "samples/step-000500-clip0.png",
                        "checkpoints/step-1000000/a", "checkpoints/.damaged-step-000500-2/a",
                        "tb/events.out.tfevents.1.host.2.0"};
  const char* mine[] = {"config.resolved.mine.yaml", "samples/step-notes.txt",
                        "samples/step-000500.txt", "checkpoints/step-000500-kept/a",
                        "checkpoints/steps/a"};
  for (const char* name : ours) temp.write(std::string("run/") + name, "x");
  for (const char* name : mine) temp.write(std::string("run/") + name, "x");
  { const RunDir run(temp / "run", RunMode::kOverwrite); }
  for (const char* name : ours) EXPECT_FALSE(fs::exists(temp / "run" / name)) << name;
  for (const char* name : mine) EXPECT_TRUE(fs::exists(temp / "run" / name)) << name;
}

TEST(RunDir, AFolderBehindALinkIsNotEmptied) {
  const TempDir temp;
  { RunDir(temp / "run", RunMode::kNew).write_config("lr: 1\n"); }
  fs::rename(temp / "run/checkpoints", temp / "elsewhere");
  fs::create_directory_symlink("../elsewhere", temp / "run/checkpoints");
  temp.write("elsewhere/step-000001/a", "x");
  EXPECT_THAT(thrown<ConfigError>([&] { const RunDir run(temp / "run", RunMode::kOverwrite); }),
              HasSubstr("checkpoints: is a link"));
  EXPECT_TRUE(fs::exists(temp / "elsewhere/step-000001/a"));
  { const RunDir run(temp / "run", RunMode::kResume); }
}

TEST(RunDir, AFolderThatCannotBeWrittenToIsRefused) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write anywhere";
  const TempDir temp;
  fs::create_directory(temp / "locked");
  fs::permissions(temp / "locked", fs::perms::owner_read | fs::perms::owner_exec);
  EXPECT_THROW(RunDir(temp / "locked", RunMode::kNew), ConfigError);
  EXPECT_THROW(RunDir(temp / "locked/run", RunMode::kNew), ConfigError);
}

TEST(RunDir, TheManifestListsEveryStart) {
  const TempDir temp;
  const RunFacts facts{.program = "distill_unet",
                       .config_hash = "c0",
                       .data_hash = "d0",
                       .weights = {{"unet", "a1"}, {"vae", "b2"}},
                       .device = "cpu",
                       .threads = 2};
  { RunDir(temp / "run", RunMode::kNew).write_manifest(facts, 0); }
  { RunDir(temp / "run", RunMode::kResume).write_manifest(facts, 300); }
  const auto manifest = nlohmann::json::parse(content(temp / "run/manifest.json"));
  EXPECT_EQ(manifest["program"], "distill_unet");
  EXPECT_EQ(manifest["weights"]["vae"], "b2");
  EXPECT_EQ(manifest["threads"], 2);
  ASSERT_EQ(manifest["starts"].size(), 2);
  EXPECT_EQ(manifest["starts"][0]["start_step"], 0);
  EXPECT_EQ(manifest["starts"][1]["start_step"], 300);
  EXPECT_EQ(manifest["starts"][1]["pid"], ::getpid());
  EXPECT_FALSE(manifest["starts"][1]["command_line"].empty());
}

TEST(RunDir, AManifestThatNestsWithoutEndIsWrittenAnew) {
  const TempDir temp;
  RunDir run(temp / "run", RunMode::kNew);
  const std::string deep(200000, '['), closed(200000, ']');
  temp.write("run/manifest.json", "{\"starts\": [" + deep + closed + "]}");
  run.write_manifest({.program = "distill_unet"}, 3);
  const auto manifest = nlohmann::json::parse(content(run.manifest()));
  ASSERT_EQ(manifest["starts"].size(), 1);
  EXPECT_EQ(manifest["starts"][0]["start_step"], 3);
}

TEST(RunDir, FilesOfARunThatAreNoneAreRefusedAtOnce) {
  const TempDir temp;
  RunDir run(temp / "run", RunMode::kNew);
  ASSERT_EQ(::mkfifo(run.manifest().c_str(), 0600), 0);
  fs::create_symlink(run.config().filename(), run.config());
  EXPECT_THAT(thrown<DataError>([&] { run.write_manifest({}, 0); }), HasSubstr("is a FIFO"));
  EXPECT_THAT(thrown<DataError>([&] { run.write_config("a: 1\n"); }), HasSubstr("symbolic links"));
}

TEST(RunDir, AHolderThatWroteNonsenseIsAnotherProcess) {
  const TempDir temp;
  const RunDir run(temp / "run", RunMode::kNew);
  for (const std::string text : {"", "{\"pid\": \"x\"}", "[]"}) {
    temp.write("run/run.lock", text);
    EXPECT_THAT(thrown<ConfigError>([&] { RunDir(temp / "run", RunMode::kResume); }),
                HasSubstr("in use by another process"));
  }
}

TEST(RunDir, AChangedConfigKeepsTheOldOne) {
  const TempDir temp;
  RunDir run(temp / "run", RunMode::kNew);
  for (const char* text : {"a: 1\n", "a: 1\n", "a: 2\n", "a: 3\n"}) run.write_config(text);
  EXPECT_EQ(content(run.config()), "a: 3\n");
  EXPECT_EQ(content(temp / "run/config.resolved.1.yaml"), "a: 1\n");
  EXPECT_EQ(content(temp / "run/config.resolved.2.yaml"), "a: 2\n");
  EXPECT_FALSE(fs::exists(temp / "run/config.resolved.3.yaml"));
}

}  // namespace
}  // namespace vdd::run
