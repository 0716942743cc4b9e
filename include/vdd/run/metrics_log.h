// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace vdd::run {

class AppendFile;

/// Named values in the order they were added: one line of a log.
class Record {
 public:
  using Value = std::variant<bool, std::int64_t, double, std::string, std::vector<std::int64_t>,
                             std::vector<double>, std::vector<std::string>>;

  template <typename T>
  Record& add(std::string_view key, T&& value) {
    using Plain = std::remove_cvref_t<T>;
    if constexpr (std::same_as<Plain, bool>) {
      return add_value(key, value);
    } else if constexpr (std::integral<Plain>) {
      return add_value(key, static_cast<std::int64_t>(value));
    } else if constexpr (std::floating_point<Plain>) {
      return add_value(key, static_cast<double>(value));
    } else if constexpr (std::convertible_to<T, std::string_view>) {
      return add_value(key, std::string(std::string_view(value)));
    } else {
      return add_value(key, Value(std::forward<T>(value)));
    }
  }

  const std::vector<std::pair<std::string, Value>>& values() const { return values_; }
  bool empty() const { return values_.empty(); }
  /// One JSON object without line end. Numbers in the shortest form that reads back as the same
  /// double; what JSON has no number for becomes "nan", "inf" or "-inf", so that Python's float()
  /// reads either form.
  std::string json() const;

 private:
  Record& add_value(std::string_view key, Value value);
  std::vector<std::pair<std::string, Value>> values_;
};

/// The three text logs of a run folder. metrics.jsonl holds only what the config determines
/// (losses, learning rate, sample numbers, ...), so that two runs of one config can be compared
/// byte by byte; what depends on clock and machine goes to timing.jsonl. metrics.csv repeats the
/// scalars of metrics.jsonl, a column for each key in order of first appearance.
///
/// A log never stops the training. A line of metrics.jsonl that cannot be written waits in memory
/// and goes before the next one, so that none is lost; what else fails is reported once and dropped
/// (the table is written anew at the next sync()).
class MetricsLog {
 public:
  /// Goes on from the checkpoint of `last_step`, which saw `lines` lines of metrics.jsonl: whatever
  /// the logs say after that, and a line that was cut short, is taken out. last_step -1 starts them
  /// anew. Throws ResourceError if the files cannot be opened.
  MetricsLog(const std::filesystem::path& run_root, std::int64_t last_step,
             std::int64_t lines = std::numeric_limits<std::int64_t>::max());
  ~MetricsLog();
  MetricsLog(const MetricsLog&) = delete;
  MetricsLog& operator=(const MetricsLog&) = delete;

  /// Appends {"step": step, ...} to metrics.jsonl and metrics.csv. Steps do not decrease; a
  /// validation is a second record of its step, with other keys.
  void write(std::int64_t step, const Record& metrics);
  /// Appends {"step": step, ...} to timing.jsonl.
  void write_timing(std::int64_t step, const Record& timing);
  /// Brings all that was written to the disk. Call before a checkpoint of the same step. Throws
  /// ResourceError if lines of metrics.jsonl still cannot be written.
  void sync();
  /// Lines of metrics.jsonl, also those that wait, for the checkpoint.
  std::int64_t lines() const { return lines_; }

 private:
  static std::string line(std::int64_t step, const Record& record);
  void rebuild_csv();
  void refresh_csv();

  std::filesystem::path root_;
  std::unique_ptr<AppendFile> jsonl_, csv_, timing_;
  std::vector<std::string> columns_;
  std::int64_t lines_ = 0;
  std::string waiting_;  ///< lines of metrics.jsonl
  bool csv_stale_ = false, csv_warned_ = false;
};

}  // namespace vdd::run
