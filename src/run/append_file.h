// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string_view>

namespace vdd::run {

/// A log file: only appended to, a record at a time, never the reason why training stops.
class AppendFile {
 public:
  enum class Start { kAppend, kEmpty, kNew };

  /// kNew: throws ResourceError if the file exists; otherwise only if it cannot be opened.
  AppendFile(std::filesystem::path path, Start start);
  ~AppendFile();
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;

  /// Returns false if the record could not be written whole; what was written of it is taken back.
  /// The first failure is logged.
  bool append(std::string_view record);
  /// Brings the records to the disk; a failure is logged.
  void sync();
  const std::filesystem::path& path() const { return path_; }

 private:
  void warn_once(std::string_view what);

  std::filesystem::path path_;
  int file_ = -1;
  bool warned_ = false;
};

}  // namespace vdd::run
