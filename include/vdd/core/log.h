// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string_view>

// Messages for people: stderr, and the run's log file once there is one. Numbers go to
// metrics.jsonl, results to stdout.
namespace vdd::log {

enum class Level { kDebug, kInfo, kWarning, kError };

void set_level(Level level);
/// Appends every message to `path` as well, with time stamps. Throws ResourceError if it cannot be
/// opened.
void add_file(const std::filesystem::path& path);
void flush();

/// `logger` is a short area name: train, valid, data, io.
void write(Level level, std::string_view logger, std::string_view message);

inline void debug(std::string_view logger, std::string_view message) {
  write(Level::kDebug, logger, message);
}
inline void info(std::string_view logger, std::string_view message) {
  write(Level::kInfo, logger, message);
}
inline void warning(std::string_view logger, std::string_view message) {
  write(Level::kWarning, logger, message);
}
inline void error(std::string_view logger, std::string_view message) {
  write(Level::kError, logger, message);
}

}  // namespace vdd::log
