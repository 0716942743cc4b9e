// SPDX-License-Identifier: Apache-2.0
#include "vdd/core/files.h"

#include <fcntl.h>
#include <glob.h>
#include <sys/mman.h>
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

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return value_; }

 private:
  int value_;
};

std::string_view kind_name(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

/// Opens a regular file. O_NONBLOCK: opening a FIFO that nobody writes to would wait for ever.
int open_regular(const fs::path& path, std::uint64_t& size) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (descriptor < 0) throw DataError(path, concat("cannot be opened: ", errno_text()));
  struct stat info {};
  const bool known = ::fstat(descriptor, &info) == 0;
  if (!known || !S_ISREG(info.st_mode)) {
    const std::string reason =
        known ? concat("is ", kind_name(info.st_mode), ", not a file") : errno_text();
    ::close(descriptor);
    throw DataError(path, reason);
  }
  size = static_cast<std::uint64_t>(info.st_size);
  return descriptor;
}

}  // namespace

std::string read_file(const fs::path& path, std::uint64_t max_bytes) {
  std::uint64_t size = 0;
  const Descriptor file(open_regular(path, size));
  std::string content;
  std::size_t used = 0;
  for (;;) {
    if (std::max<std::uint64_t>(size, used) > max_bytes) {
      throw DataError(path, concat("has ", std::max<std::uint64_t>(size, used),
                                   " bytes, more than the ", max_bytes, " such a file may have"));
    }
    // One byte more than stat said, so that a file of that size ends with one read.
    content.resize(std::max<std::size_t>(size + 1, used + 65536));
    const ssize_t count = ::read(file.get(), content.data() + used, content.size() - used);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw DataError(path, concat("cannot be read: ", errno_text()));
    if (count == 0) break;
    used += static_cast<std::size_t>(count);
  }
  content.resize(used);
  return content;
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
    try_lock(descriptor_);
  } while (::fstat(descriptor_, &info) == 0 && info.st_nlink == 0);
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

MappedFile::MappedFile(fs::path path) : path_(std::move(path)) {
  std::uint64_t size = 0;
  const Descriptor file(open_regular(path_, size));
  if (size == 0) return;
  void* data =
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file.get(), 0);
  if (data == MAP_FAILED) throw DataError(path_, concat("cannot be mapped: ", errno_text()));
  data_ = static_cast<std::byte*>(data);
  size_ = size;
  ::madvise(data_, size_, MADV_SEQUENTIAL);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

namespace {
constexpr std::size_t kPage = 4096;
}

void MappedFile::prefetch(std::size_t offset, std::size_t bytes) const {
  const std::size_t begin = offset / kPage * kPage;
  const std::size_t end = std::min(size_, offset + bytes);
  if (begin < end) ::madvise(data_ + begin, end - begin, MADV_POPULATE_READ);
}

void MappedFile::release(std::size_t offset, std::size_t bytes) const {
  const std::size_t begin = (offset + kPage - 1) / kPage * kPage;
  const std::size_t end = std::min(size_, offset + bytes) / kPage * kPage;
  if (begin < end) ::madvise(data_ + begin, end - begin, MADV_DONTNEED);
}

}  // namespace vdd
