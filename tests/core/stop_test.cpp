// SPDX-License-Identifier: Apache-2.0
#include "vdd/core/stop.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "vdd/core/error.h"

namespace vdd {
namespace {

using std::chrono::seconds;

// The flag is for the whole process and stays up, so each case runs in a process of its own.
template <typename Body>
void exits_with(int code, Body body) {
  EXPECT_EXIT(
      {
        install_signal_handlers();
        body();
        ::_exit(static_cast<int>(exit_code(stop_requested())));
      },
      testing::ExitedWithCode(code), "");
}

TEST(Stop, SignalsRaiseTheFlagWithTheirExitCode) {
  exits_with(0, [] {});
  exits_with(75, [] { ::raise(SIGTERM); });
  exits_with(75, [] { ::raise(SIGUSR1); });
  exits_with(130, [] { ::raise(SIGINT); });
}

TEST(Stop, TheFirstReasonStays) {
  exits_with(75, [] {
    ::raise(SIGTERM);
    ::raise(SIGINT);
  });
  exits_with(130, [] {
    set_time_limit(seconds(1));
    ::raise(SIGINT);
    std::this_thread::sleep_for(seconds(1));
  });
}

TEST(Stop, TheSecondSignalOfAKindLeavesAtOnce) {
  const auto twice = [](int signal) {
    return [signal] {
      ::raise(signal);
      ::raise(signal);
      ::_exit(99);
    };
  };
  exits_with(75, twice(SIGTERM));
  exits_with(75, twice(SIGUSR1));
  exits_with(130, twice(SIGINT));
  exits_with(42, [] {  // SLURM: a warning, then the end
    ::raise(SIGUSR1);
    ::raise(SIGTERM);
    ::_exit(42);
  });
}

TEST(Stop, AClosedPipeIsAnErrorOfTheWrite) {
  exits_with(41, [] {
    int pipe[2];
    if (::pipe(pipe) != 0 || ::close(pipe[0]) != 0) ::_exit(1);
    if (::write(pipe[1], "x", 1) == -1 && errno == EPIPE) ::_exit(41);
  });
}

TEST(Stop, TimeLimit) {
  exits_with(75, [] {
    set_time_limit(seconds(1));
    if (stop_requested() != StopReason::kNone) ::_exit(1);
    std::this_thread::sleep_for(std::chrono::milliseconds(1050));
    if (stop_requested() != StopReason::kTimeLimit) ::_exit(2);
  });
  exits_with(0, [] {
    set_time_limit(seconds(1));
    set_time_limit(seconds(0));
    std::this_thread::sleep_for(std::chrono::milliseconds(1050));
  });
}

TEST(Stop, ParsesDurations) {
  EXPECT_EQ(parse_duration("90m"), seconds(5400));
  EXPECT_EQ(parse_duration("1h30m"), seconds(5400));
  EXPECT_EQ(parse_duration("45s"), seconds(45));
  EXPECT_EQ(parse_duration("3600"), seconds(3600));
  EXPECT_EQ(parse_duration("1d2h3m4s"), seconds(93784));
  for (const char* bad : {"", "m", "0", "0s", "-5m", "1.5h", "90 m", "90x", "1h30", "30m1h", "1h1h",
                          "4000d", "99999999999999999999s"}) {
    EXPECT_THROW(parse_duration(bad), ConfigError) << bad;
  }
}

}  // namespace
}  // namespace vdd
