// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace vdd {

/// Formats seconds as "4s", "3m12s", "2h05m", "3d04h".
std::string format_duration(double seconds);

/// Progress of a long loop on stderr. On a terminal one line that is redrawn at most ten times a
/// second and makes way for log messages; elsewhere a log line now and then. One at a time, used by
/// one thread.
///   train  [#######.............]   71/200  35%  2.1/s  ETA 1m01s  loss 0.0123
class Progress {
 public:
  struct Options {
    std::int64_t total = 0;  ///< 0: unknown, no ETA
    /// Items done before this start (a resumed run); not counted into the speed.
    std::int64_t first = 0;
    double plain_every_s = 10;  ///< seconds between lines where stderr is no terminal
  };
  Progress(std::string label, const Options& options);
  /// Ends the line, leaving it on the screen.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `done` counts from 0 to total, `note` is free text such as "loss 0.0123".
  void update(std::int64_t done, std::string_view note = {});
  /// Shows the last state and ends the line; further calls do nothing.
  void finish();

  /// Seconds left at the recent speed (an average that forgets old steps); negative as long as it
  /// is unknown.
  double eta_seconds() const;

  /// Takes the line off the terminal, if one is shown, so that other text can be written. Called by
  /// the log.
  static void hide();

 private:
  using Clock = std::chrono::steady_clock;
  void show() const;
  std::string line() const;

  std::string label_;
  Options options_;
  bool terminal_, finished_ = false;
  std::int64_t done_, updates_ = 0;
  std::string note_;
  Clock::time_point last_update_, last_shown_;
  double seconds_per_item_ = -1;
};

}  // namespace vdd
