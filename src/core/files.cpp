// SPDX-License-Identifier: Apache-2.0
#include "vdd/core/files.h"

#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "temporary.h"
#include "vdd/core/error.h"
#include "vdd/core/file_lock.h"
#include "vdd/core/text.h"

namespace vdd {
namespace fs = std::filesystem;
namespace {

std::string_view kind_name(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

/// What is wrong with an open file that should be a regular one; empty if nothing.
std::string fault_of(int descriptor, struct stat& info) {
  if (::fstat(descriptor, &info) != 0) return errno_text();
  return S_ISREG(info.st_mode) ? "" : concat("is ", kind_name(info.st_mode), ", not a file");
}

void check_size(const fs::path& path, std::uint64_t bytes, std::uint64_t max_bytes) {
  if (bytes <= max_bytes) return;
  throw DataError(
      path, concat("has ", bytes, " bytes, more than the ", max_bytes, " such a file may have"));
}

}  // namespace

// O_NONBLOCK: opening a FIFO that nobody writes to would wait for ever.
RegularFile::RegularFile(fs::path path)
    : path_(std::move(path)),
      descriptor_(::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)) {
  if (descriptor_ < 0) throw DataError(path_, concat("cannot be opened: ", errno_text()));
  struct stat info {};
  if (const std::string fault = fault_of(descriptor_, info); !fault.empty()) {
    ::close(descriptor_);
    throw DataError(path_, fault);
  }
  size_ = static_cast<std::uint64_t>(info.st_size);
}

RegularFile::~RegularFile() {
  ::close(descriptor_);
}

std::size_t RegularFile::read_at(std::uint64_t offset, void* data, std::size_t bytes) const {
  std::size_t done = 0;
  while (done < bytes) {
    const ssize_t count = ::pread(descriptor_, static_cast<char*>(data) + done, bytes - done,
                                  static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw DataError(path_, concat("cannot be read: ", errno_text()));
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

std::string read_file(const fs::path& path, std::uint64_t max_bytes) {
  const RegularFile file(path);
  check_size(path, file.size(), max_bytes);
  std::string content;
  for (std::size_t used = 0;;) {
    // More than stat said, for it may grow, and files of /proc have no size.
    content.resize(std::max<std::size_t>(file.size() + 1, used + 65536));
    used += file.read_at(used, content.data() + used, content.size() - used);
    check_size(path, used, max_bytes);
    if (used == content.size()) continue;
    content.resize(used);
    return content;
  }
}

void read_lines(const fs::path& path,
                const std::function<void(std::int64_t, std::string_view)>& use) {
  constexpr std::size_t kBlock = 1 << 20, kMaxLine = 16 << 20;
  constexpr std::uint64_t kMaxLog = std::uint64_t{1} << 34;
  const RegularFile file(path);
  check_size(path, file.size(), kMaxLog);
  std::string text;  // read and not used yet
  std::int64_t number = 0;
  for (std::uint64_t offset = 0;;) {
    const std::size_t searched = text.size();
    text.resize(searched + kBlock);
    const std::size_t count = file.read_at(offset, text.data() + searched, kBlock);
    text.resize(searched + count);
    check_size(path, offset += count, kMaxLog);
    std::size_t begin = 0;
    for (std::size_t end = text.find('\n', searched); end != std::string::npos;
         end = text.find('\n', begin)) {
      use(++number, std::string_view(text).substr(begin, end - begin));
      begin = end + 1;
    }
    text.erase(0, begin);
    if (text.size() > kMaxLine)
      throw DataError(path, concat("line ", number + 1),
                      concat("longer than ", kMaxLine, " bytes"));
    if (count < kBlock) return;
  }
}

int open_to_append(const fs::path& path, int flags) {
  // O_NONBLOCK: a FIFO that nobody reads would be waited for.
  const int file =
      ::open(path.c_str(),
             O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | flags, 0666);
  if (file < 0) fail_write(path, "cannot be opened");
  struct stat info {};
  const std::string fault = fault_of(file, info);
  if (fault.empty()) return file;
  ::close(file);
  throw ResourceError(concat(shown(path), ": ", fault));
}

void write_file_atomic(const fs::path& path, std::string_view bytes) {
  FileWriter writer(path);
  writer.write(bytes);
  writer.commit();
}

FileWriter::FileWriter(fs::path path) : path_(std::move(path)) {
  // The lock says that the file is no leftover. Whoever sweeps may have been quicker than the lock;
  // the file has then no name any more.
  struct stat info {};
  do {
    if (descriptor_ >= 0) ::close(descriptor_);
    temporary_ = temporary_sibling(path_);
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor_ < 0) fail_write(path_, "cannot be written");
  } while (try_lock(descriptor_) == LockState::kBusy ||
           (::fstat(descriptor_, &info) == 0 && info.st_nlink == 0));
}

FileWriter::~FileWriter() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void FileWriter::write(const void* data, std::size_t bytes) {
  const char* next = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t count = ::write(descriptor_, next, bytes);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail_write(path_, "cannot be written");
    next += count;
    bytes -= static_cast<std::size_t>(count);
  }
}

void FileWriter::commit() {
  // After a failed fsync the pages may be gone and a second one would report success: the file is
  // given up.
  if (::fsync(descriptor_) != 0) fail_write(path_, "cannot be synced");
  if (::close(std::exchange(descriptor_, -1)) != 0) fail_write(path_, "cannot be closed");
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail_write(path_, "cannot be replaced");
  temporary_.clear();
  sync_folder(path_.parent_path());
}

std::vector<std::string> match_folders(const std::string& pattern) {
  std::error_code error;
  if (pattern.find_first_of("*?") == std::string::npos || fs::exists(pattern, error))
    return {pattern};
  glob_t found{};
  const int status = ::glob(pattern.c_str(), GLOB_ONLYDIR, nullptr, &found);
  std::vector<std::string> folders;
  for (std::size_t i = 0; i < found.gl_pathc; ++i) {
    if (fs::is_directory(found.gl_pathv[i], error)) {  // GLOB_ONLYDIR is a hint
      folders.emplace_back(found.gl_pathv[i]);
    }
  }
  ::globfree(&found);
  if (status != 0 && status != GLOB_NOMATCH) throw DataError(pattern, "cannot be searched");
  if (folders.empty()) throw DataError(pattern, "no folder matches");
  std::ranges::sort(folders);  // glob's order is the locale's
  return folders;
}

}  // namespace vdd
