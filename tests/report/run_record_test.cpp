// SPDX-License-Identifier: Apache-2.0
#include "vdd/report/run_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cmath>
#include <limits>

#include "report/make_run.h"
#include "support/thrown.h"
#include "vdd/core/error.h"

namespace vdd::report {
namespace {

using test::TempDir;
using test::thrown;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(RunRecord, HoldsWhatTheFolderSays) {
  const TempDir temp;
  test::make_run(temp, "s1");
  const RunRecord run = read_run(temp / "s1/");
  EXPECT_EQ(run.name, "s1");
  EXPECT_EQ(run.program, "distill_unet");
  EXPECT_THAT(run.config,
              ElementsAre(std::pair("train.max_steps", "4"), std::pair("data.root", "a<b")));
  EXPECT_EQ(run.updates, 2);
  EXPECT_EQ(run.samples, 4);
  const Curve* loss = find_curve(run.training, "loss");
  ASSERT_NE(loss, nullptr);
  ASSERT_EQ(loss->points.size(), 2U);
  EXPECT_EQ(loss->points[1].x, 2);
  EXPECT_EQ(loss->points[1].y, 0.25);
  ASSERT_EQ(run.validation.size(), 2U);
  EXPECT_EQ(run.validation[0].name, "valid/loss");
  EXPECT_EQ(find_curve(run.timing, "seconds")->points.size(), 2U);
  EXPECT_EQ(find_curve(run.timing, "loss"), nullptr);
}

TEST(RunRecord, TakesThePicturesOfTheNewestValidation) {
  const TempDir temp;
  test::make_run(temp, "s1");
  for (const char* name : {"step-000500-clip0.png", "step-001500-b.png", "step-001500-a.png",
                           "step-000000-clip0.png", "step-.png", "step-x-a.png", "note.png"}) {
    temp.write(std::string("s1/samples/") + name, "png");
  }
  EXPECT_THAT(read_run(temp / "s1").pictures, ElementsAre(temp / "s1/samples/step-001500-a.png",
                                                          temp / "s1/samples/step-001500-b.png"));
}

TEST(RunRecord, LeavesDamagedLinesOutAndCountsThem) {
  const TempDir temp;
  test::make_run(temp, "s1");
  temp.write("s1/metrics.jsonl",
             "{\"step\": 1, \"loss\": \"nan\", \"x\": \"text\", \"in\": {\"loss\": 7}}\n"
             "{\"step\": 2, \"los\n{\"loss\": 3}\n{\"step\": \"nan\", \"loss\": 3}\n\n[1]\n"
             "{\"step\": -1, \"loss\": 3}\n{\"step\": 1e300}\n{\"step\": 3, \"loss\": 1e999}\n"
             "{\"step\": 4, \"dropped\": true, \"bad_samples\": 2, \"samples\": [8, [9]]}\n"
             "{\"step\": 5, \"loss\": 1}");  // being written
  const RunRecord run = read_run(temp / "s1");
  EXPECT_EQ(run.damaged_lines, 8);
  EXPECT_EQ(run.updates, 4);
  EXPECT_EQ(run.dropped, 1);
  EXPECT_EQ(run.bad_samples, 2);
  EXPECT_EQ(run.samples, 1);
  const Curve* loss = find_curve(run.training, "loss");
  ASSERT_EQ(loss->points.size(), 1U);
  EXPECT_TRUE(std::isnan(loss->points[0].y));
}

TEST(RunRecord, AFolderWithoutARunIsRefused) {
  const TempDir temp;
  EXPECT_THAT(thrown<DataError>([&] { read_run(temp.path()); }), HasSubstr("holds no run"));
  EXPECT_THAT(thrown<DataError>([&] { read_run(temp / "gone"); }), HasSubstr("no such folder"));
  temp.write("new/config.resolved.yaml", "a: 1\n");  // it has just started
  EXPECT_TRUE(read_run(temp / "new").training.empty());
  std::filesystem::create_directory(temp / "new/metrics.jsonl");
  EXPECT_THAT(thrown<DataError>([&] { read_run(temp / "new"); }), HasSubstr("metrics.jsonl"));
}

TEST(RunRecord, LogsThatAreNoFilesAreRefusedAtOnce) {
  for (const char* name : {"metrics.jsonl", "timing.jsonl", "manifest.json"}) {
    const TempDir temp;
    test::make_run(temp, "s1");
    const auto file = temp / "s1" / name;
    const auto refusal = [&] { return thrown<DataError>([&] { read_run(temp / "s1"); }); };
    std::filesystem::remove(file);
    ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0);
    EXPECT_THAT(refusal(), HasSubstr(std::string(name) + ": is a FIFO, not a file"));
    std::filesystem::remove(file);
    std::filesystem::create_symlink("/dev/zero", file);
    EXPECT_THAT(refusal(), HasSubstr(std::string(name) + ": is a device, not a file"));
    std::filesystem::remove(file);
    std::filesystem::create_symlink(name, file);
    EXPECT_THAT(refusal(), HasSubstr(std::string(name) + ": cannot be examined: "));
  }
}

TEST(RunRecord, AManifestThatNestsWithoutEndSaysNothing) {
  const TempDir temp;
  test::make_run(temp, "s1");
  temp.write("s1/manifest.json", std::string(200000, '[') + std::string(200000, ']'));
  EXPECT_EQ(read_run(temp / "s1").program, "");
}

}  // namespace
}  // namespace vdd::report
