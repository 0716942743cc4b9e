// SPDX-License-Identifier: Apache-2.0
#include "vdd/core/stop.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <limits>

#include "vdd/core/text.h"

namespace vdd {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

// Touched by the handler: lock-free only.
std::atomic<StopReason> g_reason{StopReason::kNone};
std::atomic<std::int64_t> g_deadline{kNever};  // ticks of the steady clock
std::atomic<bool> g_terminated{false}, g_user{false}, g_interrupted{false};
static_assert(std::atomic<StopReason>::is_always_lock_free);
static_assert(std::atomic<std::int64_t>::is_always_lock_free);

extern "C" void on_signal(int signal) {
  const bool interrupt = signal == SIGINT;
  const StopReason reason = interrupt ? StopReason::kInterrupt : StopReason::kTerminate;
  auto& seen = interrupt ? g_interrupted : signal == SIGTERM ? g_terminated : g_user;
  if (seen.exchange(true)) ::_exit(static_cast<int>(exit_code(reason)));
  StopReason none = StopReason::kNone;
  g_reason.compare_exchange_strong(none, reason);
}

}  // namespace

void install_signal_handlers() {
  struct sigaction action {};
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;  // libraries do not expect EINTR
  action.sa_handler = on_signal;
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1}) ::sigaction(signal, &action, nullptr);
  action.sa_handler = SIG_IGN;
  for (const int signal : {SIGPIPE, SIGXFSZ}) ::sigaction(signal, &action, nullptr);
}

StopReason stop_requested() {
  const StopReason reason = g_reason.load(std::memory_order_relaxed);
  if (reason != StopReason::kNone) return reason;
  const std::int64_t deadline = g_deadline.load(std::memory_order_relaxed);
  if (deadline == kNever || Clock::now().time_since_epoch().count() < deadline)
    return StopReason::kNone;
  return StopReason::kTimeLimit;
}

void set_time_limit(std::chrono::seconds limit) {
  g_deadline = limit.count() <= 0 ? kNever : (Clock::now() + limit).time_since_epoch().count();
}

std::chrono::seconds parse_duration(std::string_view text) {
  constexpr long long kMost = 10LL * 365 * 24 * 3600;
  const auto refuse = [&] {
    throw ConfigError(
        concat("'", escape(text), "' is no duration; write for example 45s, 90m, 1h30m or 2d"));
  };
  long long total = 0;
  long long allowed = std::numeric_limits<long long>::max();  // units must fall: 1h30m, not 30m1h
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
    const auto count = parse_int(rest.substr(0, digits));
    const char unit = digits < rest.size() ? rest[digits] : rest.size() == text.size() ? 's' : '?';
    const long long seconds = unit == 'd'   ? 86400
                              : unit == 'h' ? 3600
                              : unit == 'm' ? 60
                              : unit == 's' ? 1
                                            : 0;
    if (!count || seconds == 0 || seconds >= allowed || *count > kMost) refuse();
    total += *count * seconds;
    allowed = seconds;
    rest.remove_prefix(std::min(digits + 1, rest.size()));
  }
  if (total <= 0 || total > kMost) refuse();
  return std::chrono::seconds(total);
}

ExitCode exit_code(StopReason reason) {
  switch (reason) {
    case StopReason::kNone:
      return ExitCode::kDone;
    case StopReason::kTimeLimit:
    case StopReason::kTerminate:
      return ExitCode::kResumable;
    case StopReason::kInterrupt:
      return ExitCode::kInterrupted;
  }
  return ExitCode::kFailed;
}

std::string_view describe(StopReason reason) {
  switch (reason) {
    case StopReason::kNone:
      return "none";
    case StopReason::kTimeLimit:
      return "time limit";
    case StopReason::kTerminate:
      return "SIGTERM or SIGUSR1";
    case StopReason::kInterrupt:
      return "Ctrl-C";
  }
  return "unknown";
}

}  // namespace vdd
