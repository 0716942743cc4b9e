// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>

#include "hdf5_library.h"
#include "vdd/core/files.h"

// How the HDF5 library gets at a file: through a driver of ours that reads from a descriptor which
// is known to be a regular file, and that trusts the file less than the library does.
namespace vdd::io {

/// Reads `bytes` bytes at `address`; false if the file ends before, or cannot be read. For any
/// thread, and for the library's callbacks, which may not throw.
bool read_exactly(const RegularFile& file, void* out, std::size_t bytes, std::uint64_t address);

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
  explicit FileView(const RegularFile& file) : file_(file) {}

  /// Returns the property list to open the file with.
  Properties access() const;
  /// Sets the number of dimensions, needed before the first chunk is looked up.
  void set_rank(std::size_t rank) { rank_ = rank; }
  /// Looks up the chunk that starts at `offset`; nothing if it was never written. Throws DataError
  /// if the index is damaged.
  std::optional<StoredChunk> find_chunk(hid_t dataset, const hsize_t* offset);

  // What the driver calls.
  const RegularFile& file() const { return file_; }
  bool read(H5FD_mem_t kind, std::byte* out, Extent extent, std::uint64_t base);

 private:
  bool is_sound_node(const std::byte* node, Extent extent, std::uint64_t base);

  const RegularFile& file_;
  std::size_t rank_ = 0;
  bool finds_chunk_ = false;
  std::optional<Extent> chunk_;
  std::unordered_map<std::uint64_t, int> node_levels_;
};

}  // namespace vdd::io
