// SPDX-License-Identifier: Apache-2.0
#include "append_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "vdd/core/files.h"
#include "vdd/core/log.h"
#include "vdd/core/text.h"

namespace vdd::run {

AppendFile::AppendFile(std::filesystem::path path, Start start) : path_(std::move(path)) {
  const int flags = start == Start::kEmpty ? O_TRUNC : start == Start::kNew ? O_EXCL : 0;
  file_ = open_to_append(path_, flags);
}

AppendFile::~AppendFile() {
  ::close(file_);
}

bool AppendFile::append(std::string_view record) {
  struct stat before {};
  if (::fstat(file_, &before) != 0) return warn_once("cannot be read"), false;
  while (!record.empty()) {
    const ssize_t count = ::write(file_, record.data(), record.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      warn_once("cannot be written now");
      [[maybe_unused]] const int ignored = ::ftruncate(file_, before.st_size);
      return false;
    }
    record.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

void AppendFile::sync() {
  if (::fsync(file_) != 0) warn_once("cannot be synced");
}

void AppendFile::warn_once(std::string_view what) {
  const int error = errno;
  if (std::exchange(warned_, true)) return;
  log::warning("train", concat(shown(path_), ": ", what, ": ", std::strerror(error),
                               " (said once; training goes on)"));
}

}  // namespace vdd::run
