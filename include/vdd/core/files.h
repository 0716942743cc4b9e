// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// Reading and writing whole files and folders. A reader takes regular files only: a FIFO, a device
// or a folder is a DataError at once, never a hang. A writer is complete or absent: temporary name,
// fsync, rename, fsync of the folder; a write that fails is a ResourceError, removes what it left
// and keeps the old content.
namespace vdd {

/// The whole file. Throws DataError if it is missing, no regular file, longer than `max_bytes` or
/// unreadable.
std::string read_file(const std::filesystem::path& path, std::uint64_t max_bytes);

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

/// A file mapped into memory. The pages are private: whoever writes to them changes neither the
/// file nor another mapping.
class MappedFile {
 public:
  /// Throws DataError as read_file does; an empty file maps to an empty span.
  explicit MappedFile(std::filesystem::path path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::span<const std::byte> bytes() const { return {data_, size_}; }
  /// Brings the pages of a range in, in one call instead of a fault per page. A hint.
  void prefetch(std::size_t offset, std::size_t bytes) const;
  /// Gives the pages that lie wholly in a range back; they are read again when touched. Written
  /// pages lose what was written.
  void release(std::size_t offset, std::size_t bytes) const;

 private:
  std::filesystem::path path_;
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

/// The folders that a pattern with * or ? names, sorted; `pattern` alone if it has neither or is
/// there as it stands. Throws DataError if none matches.
std::vector<std::string> match_folders(const std::string& pattern);

/// Makes renames and new names in `folder` durable. A file system that cannot sync a folder
/// (EINVAL) is taken as it is. Throws ResourceError.
void sync_folder(const std::filesystem::path& folder);

}  // namespace vdd
