// SPDX-License-Identifier: Apache-2.0
// Kills or starves a process that saves a checkpoint at each of its storage calls in turn, by
// strace's fault injection, and looks at what is left.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>

#include "support/checkpoint_victim.h"
#include "support/temp_dir.h"
#include "vdd/core/error.h"
#include "vdd/core/files.h"
#include "vdd/core/text.h"
#include "vdd/run/checkpoint.h"

namespace vdd::run {
namespace {

namespace fs = std::filesystem;

constexpr int kMostCalls = 200;

int run(const std::string& command) {
  const int status = std::system(command.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

class CheckpointFaults : public testing::Test {
 protected:
  void SetUp() override {
    if (run("strace -qq -o /dev/null true 2>/dev/null") != 0)
      GTEST_SKIP() << "no strace, or it may not trace";
    { const RunDir made(base(), RunMode::kNew); }
    for (const int step : {1, 2}) {
      ASSERT_EQ(run(concat(VDD_BIN_DIR "/checkpoint_victim ", base().string(), ' ', step, " 2")),
                0);
    }
  }

  fs::path base() const { return temp_ / "base"; }

  /// Saves step 3 with `fault` at the k-th call of `call`, into a fresh copy of a run that holds
  /// steps 1 and 2 and keeps two. Returns the exit status (137: killed).
  int save(const std::string& call, const std::string& fault, int k,
           const std::string& options = "") {
    fs::remove_all(run_);
    fs::copy(base(), run_, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
    const fs::path trace = temp_ / "trace";
    const int status =
        run(concat("strace -qq -o ", trace.string(), " -e trace=", call, " -e inject=", call, ':',
                   fault, ":when=", k, " " VDD_BIN_DIR "/checkpoint_victim ", run_.string(),
                   " 3 2 ", options, " 2>/dev/null"));
    injected_ = read_file(trace, 1 << 20).find("INJECTED") != std::string::npos;
    return status;
  }

  /// What a restart finds: the newest checkpoint is whole, one save back at most, and saving works.
  std::int64_t check_restart() {
    const RunDir run(run_, RunMode::kResume);
    CheckpointStore store(run, 2);
    for (const auto& entry : fs::directory_iterator(store.folder())) {
      EXPECT_THAT(entry.path().filename(), testing::Not(testing::StartsWith(std::string("."))));
    }
    const Checkpoint newest = store.newest_valid();
    EXPECT_GE(newest.step, 2);
    for (const auto& [name, bytes] : test::victim_files(newest.step)) {
      EXPECT_EQ(read_file(newest.path / name, 1 << 20), bytes);
    }
    EXPECT_GE(list_checkpoints(store.folder()).size(), 2);
    for (const Checkpoint& checkpoint : list_checkpoints(store.folder()))
      verify_checkpoint(checkpoint.path);
    EXPECT_EQ(fs::read_symlink(store.folder() / "latest"), newest.path.filename());
    return newest.step;
  }

  test::TempDir temp_;
  fs::path run_ = temp_ / "run";
  bool injected_ = false;  ///< there was a k-th call
};

TEST_F(CheckpointFaults, AKillAtAnyStorageCallLosesAtMostThatSave) {
  int kills = 0, lost = 0;
  for (const char* call : {"mkdir", "openat", "write", "fsync", "close", "rename", "renameat2",
                           "symlink", "unlinkat"}) {
    for (int k = 1; k <= kMostCalls; ++k) {
      const int status = save(call, "signal=SIGKILL", k);
      if (status == 0) break;
      SCOPED_TRACE(concat(call, " call ", k));
      ASSERT_EQ(status, 128 + 9);
      ++kills;
      lost += check_restart() == 2;
    }
  }
  RecordProperty("kills", kills);
  EXPECT_GT(kills, 60);
  EXPECT_GT(lost, 0);
  EXPECT_LT(lost, kills);  // some came after the rename
}

TEST_F(CheckpointFaults, AStorageErrorAtAnyCallKeepsTheEarlierOnes) {
  const std::pair<const char*, const char*> faults[] = {
      {"mkdir", "ENOSPC"}, {"write", "ENOSPC"}, {"write", "EDQUOT"},  {"write", "EIO"},
      {"fsync", "EIO"},    {"rename", "EIO"},   {"renameat2", "EIO"}, {"symlink", "ENOSPC"}};
  int failed_saves = 0;
  for (const auto& [call, error] : faults) {
    for (int k = 1; k <= kMostCalls; ++k) {
      const int status = save(call, concat("error=", error), k);
      SCOPED_TRACE(concat(call, ' ', error, " call ", k));
      // 4: the trial of the file system, before the run would start, met the fault.
      ASSERT_THAT(status, testing::AnyOf(0, 10, static_cast<int>(ExitCode::kResources)));
      failed_saves += status == 10;
      check_restart();
      if (!injected_) break;
    }
  }
  EXPECT_GT(failed_saves, 20);
}

TEST_F(CheckpointFaults, ARunSavesWhereRenamesKnowNoFlagsAndNothingCanBeLocked) {
  for (const char* error : {"EINVAL", "ENOSYS"}) {
    fs::remove_all(run_);
    fs::copy(base(), run_, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
    EXPECT_EQ(run(concat("strace -qq -o /dev/null -e inject=renameat2:error=", error,
                         " -e inject=flock:error=ENOLCK " VDD_BIN_DIR "/checkpoint_victim ",
                         run_.string(), " 3 2 2>", (temp_ / "stderr").string())),
              0);
    EXPECT_EQ(check_restart(), 3);
    EXPECT_THAT(
        read_file(temp_ / "stderr", 1 << 16),
        testing::AllOf(testing::HasSubstr("knows no renames that refuse to replace"),
                       testing::HasSubstr("run.lock: cannot be locked (No locks available): "
                                          "nothing keeps a second run out")));
  }
}

TEST_F(CheckpointFaults, WithoutLocksARunOfThisMachineIsStillFound) {
  fs::copy(base(), run_, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  const std::string victim = concat(
      "strace -qq -o /dev/null -e inject=flock:error=ENOSYS " VDD_BIN_DIR "/checkpoint_victim ",
      run_.string(), " 3 2 2>", (temp_ / "stderr").string());
  {
    const RunDir mine(run_, RunMode::kResume);
    EXPECT_EQ(run(victim), static_cast<int>(ExitCode::kUsage));
    EXPECT_THAT(read_file(temp_ / "stderr", 1 << 16), testing::HasSubstr("in use by process "));
  }
  EXPECT_EQ(run(victim), 0);
}

TEST_F(CheckpointFaults, AFailedFinalSaveEndsWithTheCodeForResources) {
  EXPECT_EQ(save("fsync", "error=EIO", 1, "final"), static_cast<int>(ExitCode::kResources));
  EXPECT_EQ(check_restart(), 2);
}

}  // namespace
}  // namespace vdd::run
