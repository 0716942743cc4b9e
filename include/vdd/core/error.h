// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>

namespace vdd {

/// Exit statuses of every program.
enum class ExitCode : int {
  kDone = 0,
  kFailed = 1,
  kUsage = 2,          ///< command line or config
  kData = 3,           ///< data or weights unusable
  kResources = 4,      ///< not enough memory or disk
  kNonFinite = 5,      ///< NaN or infinity where a number is needed
  kVerification = 6,   ///< a check of written or cached content failed
  kResumable = 75,     ///< stopped early (time limit, SIGTERM, SIGUSR1), state saved
  kInterrupted = 130,  ///< Ctrl-C
};

/// Root of everything the libraries throw for a cause outside the code. what() is one line that
/// names the object, what was found and what was wanted. Caught once, in the programs.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message, ExitCode code = ExitCode::kFailed)
      : std::runtime_error(message), code_(code) {}
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

/// A config value, key or command line cannot be used.
class ConfigError : public Error {
 public:
  explicit ConfigError(const std::string& message) : Error(message, ExitCode::kUsage) {}
};

/// A file of data or weights cannot be used: `<path>[: <where>]: <reason>`, `where` being a tensor,
/// frame or line. All three parts are escaped and cut, so that file content cannot write control
/// characters to a terminal.
class DataError : public Error {
 public:
  DataError(const std::filesystem::path& path, std::string_view where, std::string_view reason);
  DataError(const std::filesystem::path& path, std::string_view reason)
      : DataError(path, "", reason) {}
};

/// A tensor has the wrong shape or type for what is asked of it.
class ShapeError : public Error {
 public:
  explicit ShapeError(const std::string& message) : Error(message, ExitCode::kData) {}
};

/// Memory, disk space or a write failed.
class ResourceError : public Error {
 public:
  explicit ResourceError(const std::string& message) : Error(message, ExitCode::kResources) {}
};

/// A loss, gradient or prediction is NaN or infinite.
class NonFiniteError : public Error {
 public:
  explicit NonFiniteError(const std::string& message) : Error(message, ExitCode::kNonFinite) {}
};

/// Written or cached content differs from what it should be.
class VerificationError : public Error {
 public:
  explicit VerificationError(const std::string& message)
      : Error(message, ExitCode::kVerification) {}
};

}  // namespace vdd
