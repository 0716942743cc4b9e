// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

// One array out of an HDF5 file: contiguous, compact or chunked, with deflate and shuffle, of
// either byte order. The HDF5 library, which holds one global lock, is asked only what the array is
// and where its parts lie; they are read by pread + libdeflate, each checked to be as long as its
// shape.
namespace vdd::io {

/// Half-open ranges of rows (dimension 0) and columns (dimension 1).
struct Region {
  std::int64_t row_begin = 0, row_end = 0, col_begin = 0, col_end = 0;
};

struct Hdf5Read {
  std::string dataset = "dataset";
  /// The type that is wanted. kFloat and kDouble refuse what is stored as integers and convert any
  /// other floating type; kHalf, kShort, kInt and kByte refuse any other stored type; nothing takes
  /// the array as it is stored.
  std::optional<at::ScalarType> dtype = std::nullopt;
  /// The shape that is wanted, any other is refused; empty accepts all, -1 any size.
  std::vector<std::int64_t> shape = {};
  /// Chooses what is read; called with the stored shape before anything is. Only the chunks that
  /// touch the region are inflated.
  std::function<Region(at::IntArrayRef shape)> region = nullptr;
  /// Returns [H,W,C] as [C,H,W]: Hypersim's colour has one channel a chunk, so this is the cheap
  /// order.
  bool channels_first = false;
};

/// Reads the array as a contiguous CPU tensor. Throws DataError: no such dataset, rank over 4, a
/// side over 65535, more than 64 Mi elements or 131072 chunks to read, a filter other than shuffle
/// and deflate, external or virtual storage, a damaged chunk, or anything `want` refuses. Safe to
/// call from several threads.
at::Tensor read_hdf5(const std::filesystem::path& path, const Hdf5Read& want = {});

/// Reads the stored shape, after the checks of read_hdf5 that need no more than the array's header.
std::vector<std::int64_t> hdf5_shape(const std::filesystem::path& path,
                                     const std::string& dataset = "dataset");

struct Hdf5Write {
  std::string dataset = "dataset";
  /// Shape of a chunk; empty: contiguous, as h5py stores arrays without options.
  std::vector<std::int64_t> chunks = {};
  /// Level of zlib, 0..9; needs chunks.
  int deflate = 0;
};

/// Writes one array (kHalf, kFloat, kDouble, kShort, kInt; any strides) to a new file. Throws
/// ResourceError.
void write_hdf5(const std::filesystem::path& path, const at::Tensor& array,
                const Hdf5Write& how = {});

}  // namespace vdd::io
