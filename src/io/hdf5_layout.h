// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <c10/core/ScalarType.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "hdf5_driver.h"

// What a file says of one of its arrays, and where the array's bytes lie. All of it is checked, so
// that the array can be read without the library and its lock.
namespace vdd::io {

constexpr std::int64_t kMaxElements = 64 << 20;

/// Half-open ranges, one a dimension.
struct Block {
  std::vector<std::int64_t> begin, end;
  std::vector<std::int64_t> shape() const;
};

/// A part of the array: all its numbers, row-major, after the filters that were applied to it.
struct Piece {
  std::vector<std::int64_t> offset;  ///< place of its first number in the array
  Extent stored;                     ///< where it lies; inside of the file
  bool shuffled = false, deflated = false;
};

struct Layout {
  at::ScalarType dtype = at::kFloat;
  bool swapped = false;  ///< stored in the other byte order
  std::vector<std::int64_t> shape;

  // Where the numbers of the block that was asked for lie.
  std::vector<std::int64_t> piece_shape;  ///< may reach over the array's end
  std::vector<Piece> pieces;              ///< those that touch the block; a compact array has one
  std::vector<std::byte> compact;         ///< content of that piece, which the file's header holds
  /// Value of the numbers that no piece holds: one of `dtype`, or empty if there are none.
  std::vector<std::byte> fill;

  std::size_t width() const { return c10::elementSize(dtype); }
  /// Bytes of a piece without its filters.
  std::size_t piece_bytes() const;
};

/// Finds type and shape of the dataset `name` and, with `choose`, which is called with them, the
/// pieces of the block that it names. Throws DataError as read_hdf5() does.
Layout find_layout(const RegularFile& file, const std::string& name,
                   const std::function<Block(const Layout&)>& choose = nullptr);

}  // namespace vdd::io
