// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace vdd {

/// A file mapped into memory. The pages are private: whoever writes to them changes neither the
/// file nor another mapping.
///
/// A file that is cut, or whose disk goes away, while it is mapped has no bytes to give: whoever
/// touches it gets the signal SIGBUS, for which nothing can be thrown. The first mapping therefore
/// installs a handler that ends the process with one line that names the file and ExitCode::kData.
/// A SIGBUS for any other reason goes to whoever handled it before.
class MappedFile {
 public:
  /// Throws DataError as RegularFile does; an empty file maps to an empty span.
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
  struct Watched;
  Watched* watched_ = nullptr;
};

}  // namespace vdd
