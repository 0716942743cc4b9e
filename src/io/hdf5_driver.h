// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <unordered_map>

#include "hdf5_library.h"

// How the HDF5 library gets at a file: through a driver of ours that reads from a descriptor which
// is known to be a regular file, and that trusts the file less than the library does.
namespace vdd::io {

/// A regular file, open for reading. Safe to read from several threads.
class RandomAccessFile {
 public:
  /// Throws DataError.
  explicit RandomAccessFile(const std::filesystem::path& path);
  ~RandomAccessFile();
  RandomAccessFile(const RandomAccessFile&) = delete;
  RandomAccessFile& operator=(const RandomAccessFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::uint64_t size() const { return size_; }
  /// False if the file ends before, or cannot be read.
  bool read(void* out, std::size_t bytes, std::uint64_t address) const;

 private:
  std::filesystem::path path_;
  int descriptor_;
  std::uint64_t size_ = 0;
};

/// Where bytes lie in a file.
struct Extent {
  std::uint64_t address = 0, bytes = 0;
};

struct StoredChunk {
  Extent extent;  ///< what the file says, which may be wrong
  std::uint32_t skipped_filters = 0;
};

/// What the driver keeps for one opening of a file.
class FileView {
 public:
  explicit FileView(const RandomAccessFile& file) : file_(file) {}

  /// The property list to open the file with.
  Properties access() const;
  /// Needed before the first chunk is looked up.
  void set_rank(std::size_t rank) { rank_ = rank; }
  /// Looks up the chunk that starts at `offset`; nothing if it was never written. Throws DataError
  /// if the index is damaged.
  std::optional<StoredChunk> find_chunk(hid_t dataset, const hsize_t* offset);

  // For the driver.
  const RandomAccessFile& file() const { return file_; }
  bool read(H5FD_mem_t kind, std::byte* out, Extent extent, std::uint64_t base);

 private:
  bool is_sound_node(const std::byte* node, Extent extent, std::uint64_t base);

  const RandomAccessFile& file_;
  std::size_t rank_ = 0;
  bool finds_chunk_ = false;
  std::optional<Extent> chunk_;
  std::unordered_map<std::uint64_t, int> node_levels_;
};

}  // namespace vdd::io
