// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string_view>

#include "vdd/core/error.h"

// Leaving early in an orderly way: a signal or the time limit only raises a flag; whoever loops
// polls it, finishes the step, saves and returns exit_code(reason).
namespace vdd {

enum class StopReason : int {
  kNone,
  kTimeLimit,  ///< set_time_limit() has run out
  kTerminate,  ///< SIGTERM or SIGUSR1
  kInterrupt,  ///< SIGINT (Ctrl-C)
};

/// SIGTERM, SIGUSR1 and SIGINT raise the flag; the second one of a kind leaves the process at once,
/// without saving, with exit_code() of its reason (SLURM's SIGUSR1 followed by SIGTERM therefore
/// still saves). SIGPIPE and SIGXFSZ are ignored, so that a closed pipe or a file size limit is an
/// error of the write. Call once, at the start of main.
void install_signal_handlers();

/// Returns why to stop, or kNone. The first signal wins over the time limit. Costs an atomic load
/// and a clock read.
StopReason stop_requested();

/// Stops `limit` after this call; zero or less takes the limit away.
void set_time_limit(std::chrono::seconds limit);

/// Reads "90m", "1h30m", "45s", "2d", "3600" (seconds). Throws ConfigError on anything else, on
/// zero and past ten years.
std::chrono::seconds parse_duration(std::string_view text);

/// Returns 75 for the time limit and SIGTERM/SIGUSR1, 130 for Ctrl-C, 0 for kNone.
ExitCode exit_code(StopReason reason);
/// Names a reason: "time limit", "SIGTERM or SIGUSR1", "Ctrl-C", "none".
std::string_view describe(StopReason reason);

}  // namespace vdd
