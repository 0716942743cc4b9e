// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// Reading and writing whole files and folders. Only regular files are opened: a FIFO, a device or a
// folder is an error at once, never a hang. A writer is complete or absent: temporary name,
// fsync, rename, fsync of the folder; a write that fails is a ResourceError, removes what it left
// and keeps the old content.
namespace vdd {

/// A regular file, open for reading. The only way in which anything here is opened to be read.
class RegularFile {
 public:
  /// Throws DataError if `path` is missing, no regular file or cannot be opened.
  explicit RegularFile(std::filesystem::path path);
  ~RegularFile();
  RegularFile(const RegularFile&) = delete;
  RegularFile& operator=(const RegularFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  int descriptor() const { return descriptor_; }
  /// Size in bytes when the file was opened.
  std::uint64_t size() const { return size_; }
  /// Reads `bytes` bytes from `offset` on and returns how many there were: fewer only where the
  /// file ends. Throws DataError.
  std::size_t read_at(std::uint64_t offset, void* data, std::size_t bytes) const;

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

/// Reads the whole file. Throws DataError as RegularFile does, and if it is longer than
/// `max_bytes`.
std::string read_file(const std::filesystem::path& path, std::uint64_t max_bytes);

/// Calls `use(number, line)` for each line of a log, counted from 1 and without its end, with no
/// more than a line in memory. What follows the last line end is not a line yet. Throws DataError
/// as RegularFile does, and if a line has more than 16 MiB or the log more than 16 GiB.
void read_lines(const std::filesystem::path& path,
                const std::function<void(std::int64_t, std::string_view)>& use);

/// Opens a regular file to append to, which is made if absent, and returns its descriptor. `flags`
/// may add O_TRUNC or O_EXCL. Throws ResourceError.
int open_to_append(const std::filesystem::path& path, int flags = 0);

/// Replaces `path` by `bytes`. Throws ResourceError.
void write_file_atomic(const std::filesystem::path& path, std::string_view bytes);

/// The streaming form of write_file_atomic: nothing shows under `path` before commit().
class FileWriter {
 public:
  explicit FileWriter(std::filesystem::path path);
  /// Removes the temporary file unless committed.
  ~FileWriter();
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  void write(const void* data, std::size_t bytes);
  void write(std::string_view text) { write(text.data(), text.size()); }
  void commit();

 private:
  std::filesystem::path path_, temporary_;
  int descriptor_ = -1;
};

/// Lists the folders that a pattern with * or ? names, sorted; `pattern` alone if it has neither or
/// is there as it stands. Throws DataError if none matches.
std::vector<std::string> match_folders(const std::string& pattern);

/// Makes renames and new names in `folder` durable. A file system that cannot sync a folder
/// (EINVAL) is taken as it is. Throws ResourceError.
void sync_folder(const std::filesystem::path& folder);

}  // namespace vdd
