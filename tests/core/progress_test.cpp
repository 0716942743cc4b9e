// SPDX-License-Identifier: Apache-2.0
#include "vdd/core/progress.h"

#include <gtest/gtest.h>
#include <pty.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "vdd/core/log.h"

namespace vdd {
namespace {

using testing::internal::CaptureStderr;
using testing::internal::GetCapturedStderr;

TEST(Progress, FormatsDurations) {
  EXPECT_EQ(format_duration(0.4), "0s");
  EXPECT_EQ(format_duration(59.4), "59s");
  EXPECT_EQ(format_duration(59.6), "1m00s");
  EXPECT_EQ(format_duration(192), "3m12s");
  EXPECT_EQ(format_duration(2 * 3600 + 5 * 60 + 59), "2h05m");
  EXPECT_EQ(format_duration(3 * 86400 + 4 * 3600), "3d04h");
  EXPECT_EQ(format_duration(-1), "0s");
}

TEST(Progress, PlainLinesWhereStderrIsNoTerminal) {
  CaptureStderr();
  {
    Progress progress("train", {.total = 200, .plain_every_s = 0});
    progress.update(50, "loss 0.5");
    progress.update(200, "loss 0.25");
    progress.finish();
    progress.update(201);
  }
  log::flush();
  const std::string text = GetCapturedStderr();
  EXPECT_NE(text.find("[train]  50/200   25%"), std::string::npos) << text;
  EXPECT_NE(text.find("loss 0.5\n"), std::string::npos) << text;
  EXPECT_NE(text.find("ETA"), std::string::npos) << text;
  EXPECT_EQ(text.find("201"), std::string::npos) << text;
  EXPECT_EQ(text.find('\r'), std::string::npos) << text;
}

TEST(Progress, LinesAreAsRareAsAskedFor) {
  CaptureStderr();
  {
    Progress progress("train", {.total = 100, .plain_every_s = 3600});
    for (int i = 1; i <= 100; ++i) progress.update(i);
  }
  log::flush();
  const std::string text = GetCapturedStderr();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;  // the last state
  EXPECT_NE(text.find("100/100  100%"), std::string::npos) << text;
}

TEST(Progress, EtaIsTheRestAtTheSpeedOfThisStart) {
  Progress progress("train", {.total = 1030, .first = 1000, .plain_every_s = 3600});
  EXPECT_LT(progress.eta_seconds(), 0);
  for (int i = 1; i <= 10; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    progress.update(1000 + i);
  }
  EXPECT_GT(progress.eta_seconds(), 20 * 0.02 * 0.9);
  EXPECT_LT(progress.eta_seconds(), 20 * 0.02 * 5);  // a loaded machine sleeps longer
}

TEST(Progress, OnATerminalOneLineThatMakesWayForTheLog) {
  int controller = -1, terminal = -1;
  ASSERT_EQ(::openpty(&controller, &terminal, nullptr, nullptr, nullptr), 0);
  const int saved = ::dup(STDERR_FILENO);
  ::dup2(terminal, STDERR_FILENO);
  {
    Progress progress("train", {.total = 4});
    std::this_thread::sleep_for(std::chrono::milliseconds(120));
    progress.update(1);
    log::warning("data", "a message");
    progress.update(4);
  }
  log::flush();
  ::dup2(saved, STDERR_FILENO);
  ::close(saved);
  ::close(terminal);

  std::string text;
  char buffer[4096];
  for (ssize_t count; (count = ::read(controller, buffer, sizeof buffer)) > 0;)
    text.append(buffer, count);
  ::close(controller);
  const auto bar = text.find("\rtrain  [#####...............]  1/4   25%");
  const auto erased = text.find("\r\x1b[K", bar);
  const auto message = text.find("a message");
  const auto full = text.find("[####################]  4/4  100%");
  EXPECT_LT(bar, erased) << text;
  EXPECT_LT(erased, message) << text;
  EXPECT_LT(message, full) << text;
  EXPECT_NE(full, std::string::npos) << text;
}

}  // namespace
}  // namespace vdd
