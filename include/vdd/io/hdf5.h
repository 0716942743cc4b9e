// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

// One array out of an HDF5 file. The usual layout (chunks, deflate with or without shuffle,
// little-endian numbers) is read by chunk index + pread + libdeflate: the HDF5 library, which holds
// one global lock, is asked only where the chunks lie. Contiguous arrays and other byte orders go
// through H5Dread.
namespace vdd::io {

/// Half-open ranges of rows (dimension 0) and columns (dimension 1).
struct Region {
  std::int64_t row_begin = 0, row_end = 0, col_begin = 0, col_end = 0;
};

struct Hdf5Read {
  std::string dataset = "dataset";
  /// Refuse any other stored type. kHalf, kFloat, kDouble, kShort, kInt, kByte.
  std::optional<at::ScalarType> dtype = std::nullopt;
  /// Refuse any other shape; empty accepts all, -1 any size.
  std::vector<std::int64_t> shape = {};
  /// Called with the stored shape before anything is read; only the chunks that touch the region
  /// are inflated.
  std::function<Region(at::IntArrayRef shape)> region = nullptr;
  /// [H,W,C] is returned as [C,H,W]: Hypersim's colour has one channel a chunk, so this is the
  /// cheap order.
  bool channels_first = false;
};

/// The array as a contiguous CPU tensor of the stored type. Throws DataError: no such dataset, rank
/// over 4, a side over 65536 or more than 64 Mi elements, a filter other than shuffle and deflate,
/// external or virtual storage, a damaged chunk, or anything `want` refuses. Safe to call from
/// several threads.
at::Tensor read_hdf5(const std::filesystem::path& path, const Hdf5Read& want = {});

/// The stored shape, after the same checks as read_hdf5 makes before it reads.
std::vector<std::int64_t> hdf5_shape(const std::filesystem::path& path,
                                     const std::string& dataset = "dataset");

struct Hdf5Write {
  std::string dataset = "dataset";
  /// Empty: contiguous, as h5py stores arrays without options.
  std::vector<std::int64_t> chunks = {};
  /// zlib's level 0..9; needs chunks.
  int deflate = 0;
};

/// Writes one array (kHalf, kFloat, kDouble, kShort, kInt; any strides) to a new file. Throws
/// ResourceError.
void write_hdf5(const std::filesystem::path& path, const at::Tensor& array,
                const Hdf5Write& how = {});

}  // namespace vdd::io
