// SPDX-License-Identifier: Apache-2.0
#include "vdd/core/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "support/temp_dir.h"
#include "vdd/core/error.h"

namespace vdd {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Log, WritesToStandardErrorAndTheFile) {
  const test::TempDir folder;
  log::add_file(folder / "run.log");
  ::testing::internal::CaptureStderr();
  log::debug("train", "hidden");
  log::info("train", "step 1 {not a format} 100%");
  log::warning("data", "odd");
  log::error("io", "bad");
  log::flush();
  EXPECT_EQ(::testing::internal::GetCapturedStderr(),
            "[train] step 1 {not a format} 100%\n[data] warning: odd\n[io] error: bad\n");
  const std::string text = test::content(folder / "run.log");
  EXPECT_THAT(text, HasSubstr(" [data] warning: odd\n"));
  EXPECT_THAT(text, Not(HasSubstr("hidden")));
}

TEST(Log, AFifoForTheFileIsRefusedAtOnce) {
  const test::TempDir folder;
  ASSERT_EQ(::mkfifo((folder / "run.log").c_str(), 0600), 0);
  EXPECT_THROW(log::add_file(folder / "run.log"), ResourceError);
}

TEST(Log, TheFileOfTheNextRunTakesThePlaceOfTheLast) {
  const test::TempDir folder;
  log::set_level(log::Level::kInfo);
  log::add_file(folder / "one.log");
  log::info("train", "first");
  log::add_file(folder / "two.log");
  log::info("train", "second");
  log::flush();
  EXPECT_THAT(test::content(folder / "one.log"), Not(HasSubstr("second")));
  EXPECT_THAT(test::content(folder / "two.log"), HasSubstr(" [train] second\n"));
}

TEST(Log, LevelHidesWhatLiesBelow) {
  ::testing::internal::CaptureStderr();
  log::set_level(log::Level::kWarning);
  log::info("train", "hidden");
  log::set_level(log::Level::kDebug);
  log::debug("train", "shown");
  log::set_level(log::Level::kInfo);
  log::flush();
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "[train] shown\n");
}

TEST(Log, AFileThatCannotBeOpenedIsAnError) {
  EXPECT_THROW(log::add_file("/proc/none/run.log"), ResourceError);
}

}  // namespace
}  // namespace vdd
