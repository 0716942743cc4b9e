// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

// NumPy's files: .npy (one array) and .npz (a ZIP archive of arrays, stored or deflated). Numbers
// of 1 to 8 bytes in either byte order and both storage orders are read; pickled objects are
// refused. A reader takes memory only for what the file holds and the caller wants.
namespace vdd::io {

/// A check that throws if nobody wants an array of this shape. Called before memory is taken for
/// it: a deflated array may be a thousand times as large as its file.
using ShapeCheck = std::function<void(at::IntArrayRef shape)>;

/// Reads the array, contiguous, on the CPU. uint16 comes as kInt, uint32 as kLong, so that no value
/// is lost; uint64 is refused. Throws DataError naming the file and the reason, ResourceError.
at::Tensor read_npy(const std::filesystem::path& path, const ShapeCheck& check = {});

/// Lists the names of the arrays in the archive, without ".npy", in the file's order. Throws
/// DataError.
std::vector<std::string> npz_members(const std::filesystem::path& path);

/// Reads one array of the archive; an empty `member` is the only one there is. The checksum is
/// verified. Throws DataError naming the file, the member where there is one, and the reason,
/// ResourceError.
at::Tensor read_npz(const std::filesystem::path& path, const std::string& member,
                    const ShapeCheck& check);

/// How NumpyWriter stores an array.
enum class NumpyFormat {
  kNpy,
  kNpz,            ///< as numpy.savez
  kNpzCompressed,  ///< as numpy.savez_compressed
};

/// Writes one array of known shape piece by piece; memory does not depend on its size. The same
/// numbers give the same bytes.
class NumpyWriter {
 public:
  /// Starts a file. `dtype`: kByte, kChar, kShort, kInt, kLong, kHalf, kFloat, kDouble or kBool.
  /// `member` is the name inside of an archive. Throws ShapeError for another dtype, ResourceError.
  NumpyWriter(const std::filesystem::path& path, NumpyFormat format, at::ScalarType dtype,
              at::IntArrayRef shape, const std::string& member = "arr_0");
  /// Leaves no file unless commit() was called.
  ~NumpyWriter();
  NumpyWriter(const NumpyWriter&) = delete;
  NumpyWriter& operator=(const NumpyWriter&) = delete;

  /// Writes the next numbers in storage order, of the dtype. Throws ShapeError, ResourceError.
  void write(const at::Tensor& piece);
  /// Completes the file. Throws ShapeError unless all numbers were written, ResourceError.
  void commit();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Write one array into a file that is complete or absent. Throw ResourceError.
void write_npy(const std::filesystem::path& path, const at::Tensor& array);
void write_npz(const std::filesystem::path& path, const at::Tensor& array,
               const std::string& member = "arr_0", bool compressed = true);

}  // namespace vdd::io
