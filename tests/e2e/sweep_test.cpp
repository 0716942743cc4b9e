// SPDX-License-Identifier: Apache-2.0
// `vdd sweep` on a random teacher, as a user starts, stops and repeats it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "support/clips.h"
#include "support/run_and_signal.h"
#include "support/run_program.h"
#include "support/temp_dir.h"

namespace vdd::test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class Sweep : public ::testing::Test {
 protected:
  Sweep() {
    write_clips(folder_ / "clips", 2, 4, 64, 128);
    // A run without a teacher leaves a random one.
    const Finished run =
        run_program("distill_unet", {"-c", VDD_SOURCE_DIR "/configs/tiny/stage1_deterministic.yaml",
                                     "-o", (folder_ / "first").string(), "train.max_steps=1",
                                     "data.root=" + (folder_ / "clips").string(), "data.frames=2",
                                     "data.holdout=[]", "teacher.steps=1", "validation.every=0"});
    EXPECT_EQ(run.code, 0) << run.err;
    folder_.write("stage1.yaml", "data: {root: " + (folder_ / "clips").string() +
                                     ", holdout: [], clips: 2, frames: 2, height: 64, width: 128}\n"
                                     "teacher: {steps: 2}\n"
                                     "train: {max_steps: 6, accumulation: 1, threads: 1, "
                                     "checkpoint_every: 2}\nvalidation: {every: 0}\n");
    folder_.write("stage2.yaml", "base: stage1.yaml\nhead: {variant: tiny}\n");
    table_ = folder_.write(
        "table.yaml",
        "title: Try\nteacher: " + (folder_ / "first/teacher").string() +
            "\nthreads: 1\nmarks: [head]\nrows:\n  - {name: teacher, steps: 2}\n"
            "  - {name: student, program: distill_unet, config: stage1.yaml}\n"
            "  - {name: both, marks: [head], program: distill_decoder, config: stage2.yaml, "
            "student: student}\nevaluate:\n  - name: nyu\n    protocol: depthcrafter-nyu@1\n"
            "    set: [crop=none, height=64, width=128, sequence_count=2]\n"
            "    data: " VDD_FIXTURES "/io/nyuv2\n");
  }

  std::vector<std::string> words(const char* output,
                                 const std::vector<std::string>& more = {}) const {
    std::vector<std::string> all = {"sweep", table_, "-o", (folder_ / output).string()};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  TempDir folder_;
  std::string table_;
};

TEST_F(Sweep, StoppedAnywhereItGoesOnToTheSameTable) {
  const Finished whole = run_program("vdd", words("whole"));
  ASSERT_EQ(whole.code, 0) << whole.err;
  EXPECT_THAT(whole.out, HasSubstr("| both | x | 0."));
  EXPECT_EQ(content(folder_ / "whole/table.md"), whole.out);

  // In the middle of the second training.
  const fs::path out = folder_ / "stopped";
  const auto in_the_head = [&] {
    std::error_code ignored;
    for (const auto& cell : fs::directory_iterator(out / "cells", ignored)) {
      const fs::path metrics = cell.path() / "metrics.jsonl";
      if (!cell.path().filename().string().starts_with("distill_decoder")) continue;
      if (fs::exists(metrics) && std::ranges::count(content(metrics), '\n') >= 3) return true;
    }
    return false;
  };
  EXPECT_EQ(run_and_signal("vdd", words("stopped"), SIGTERM, in_the_head, folder_ / "err"), 75);
  EXPECT_THAT(content(folder_ / "err"), HasSubstr("stopped early; the next sweep goes on"));
  EXPECT_THAT(content(out / "table.md"), HasSubstr("| both | x | - | - |"));

  const Finished again = run_program("vdd", words("stopped"));
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(again.out, whole.out);
  EXPECT_THAT(again.err, HasSubstr("going on with "));
  EXPECT_EQ(content(out / "table.csv"), content(folder_ / "whole/table.csv"));
}

TEST_F(Sweep, ShowsItsPlanAndRefusesInOneLine) {
  const Finished plan = run_program("vdd", words("none", {"--dry-run", "seeds=[0, 1]"}));
  EXPECT_EQ(plan.code, 0) << plan.err;
  EXPECT_THAT(plan.out, HasSubstr("4 models to train, 6 scores to make\n"));
  EXPECT_FALSE(fs::exists(folder_ / "none"));

  const Finished key = run_program("vdd", words("none", {"--set", "train.max_step=1"}));
  EXPECT_EQ(key.code, 2);
  EXPECT_THAT(key.err, HasSubstr(table_ + ": row 'student': train.max_step: unknown "
                                          "key; did you mean 'max_steps'?"));
  const Finished teacher = run_program("vdd", words("none", {"teacher=/nowhere"}));
  EXPECT_EQ(teacher.code, 3);
  EXPECT_THAT(teacher.err, HasSubstr("/nowhere"));
  EXPECT_FALSE(fs::exists(folder_ / "none"));
}

}  // namespace
}  // namespace vdd::test
