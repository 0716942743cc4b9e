// SPDX-License-Identifier: Apache-2.0
#include "hdf5_layout.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::io {
namespace {

constexpr std::int64_t kMaxSide = 65536;
constexpr std::int64_t kMaxPieceBytes = 64 << 20;
constexpr std::int64_t kMaxPieces = 1 << 17;
/// Limit of the numbers in all pieces together, of which a block may need but a few each.
constexpr std::int64_t kMaxInPieces = 4 * kMaxElements;
/// Largest ratio by which deflate can make anything shorter.
constexpr std::uint64_t kMaxDeflateRatio = 1032;

std::uint64_t unsigned_of(std::int64_t value) {
  return static_cast<std::uint64_t>(value);
}

class Finder {
 public:
  explicit Finder(const RegularFile& file) : file_(file), view_(file) {}

  Layout find(const std::string& name, const std::function<Block(const Layout&)>& choose) {
    const auto lock = lock_library();
    const Properties access = view_.access();
    const File file(H5Fopen(file_.path().c_str(), H5F_ACC_RDONLY, access));
    if (file < 0) refuse("no HDF5 file, or damaged");
    read_superblock(file);
    H5L_info_t link;
    if (name.find('/') != std::string::npos ||
        H5Lget_info(file, name.c_str(), &link, H5P_DEFAULT) < 0) {
      refuse(concat("no dataset \"", name, '"'));
    }
    if (link.type != H5L_TYPE_HARD) refuse(concat('"', name, "\" is a link to somewhere else"));
    const Dataset dataset(H5Dopen2(file, name.c_str(), H5P_DEFAULT));
    if (dataset < 0) refuse(concat('"', name, "\" is no dataset, or damaged"));
    const Properties properties(H5Dget_create_plist(dataset));
    if (properties < 0) refuse("damaged header");
    // First of all: to ask for the extents of virtual storage opens the files that it names.
    const H5D_layout_t kind = H5Pget_layout(properties);
    if (kind == H5D_VIRTUAL || kind < 0) refuse("virtual storage is not followed");
    if (H5Pget_external_count(properties) != 0) refuse("external storage is not followed");
    const Space space(H5Dget_space(dataset));
    const Type type(H5Dget_type(dataset));
    if (space < 0 || type < 0) refuse("damaged header");
    read_type(type);
    read_shape(space);
    if (!choose) return layout_;

    const Block block = choose(layout_);
    check_elements(block.shape());
    if (kind == H5D_COMPACT) {
      read_compact(dataset, type);
    } else if (kind == H5D_CONTIGUOUS) {
      place_contiguous(dataset, block);
    } else {
      read_chunk_shape(properties);
      place_chunks(dataset, block);
    }
    if (missing_) read_fill(properties, type);
    return layout_;
  }

 private:
  [[noreturn]] void refuse(std::string_view reason) const { throw DataError(file_.path(), reason); }

  void read_superblock(hid_t file) {
    const Properties creation(H5Fget_create_plist(file));
    std::size_t address = 0, length = 0;
    if (creation < 0 || H5Pget_sizes(creation, &address, &length) < 0 ||
        H5Pget_userblock(creation, &user_block_) < 0) {
      refuse("damaged header");
    }
    if (address != 8 || length != 8) {
      refuse(concat("addresses of ", address, " and lengths of ", length, " bytes; wanted 8"));
    }
  }

  void read_type(hid_t stored) {
    for (const auto dtype : {at::kHalf, at::kFloat, at::kDouble, at::kByte, at::kShort, at::kInt}) {
      const Type type(memory_type(dtype));
      layout_.dtype = dtype;
      layout_.swapped = false;
      if (H5Tequal(type, stored) > 0) return;
      H5Tset_order(type, H5Tget_order(type) == H5T_ORDER_LE ? H5T_ORDER_BE : H5T_ORDER_LE);
      layout_.swapped = layout_.width() > 1;
      if (H5Tequal(type, stored) > 0) return;
    }
    refuse("numbers of an unsupported type");
  }

  void read_shape(hid_t space) {
    const int rank = H5Sget_simple_extent_ndims(space);
    if (rank < 1 || rank > 4) refuse(concat("array of rank ", rank, "; wanted 1 to 4"));
    hsize_t sides[4];
    H5Sget_simple_extent_dims(space, sides, nullptr);
    for (int i = 0; i < rank; ++i) {
      if (sides[i] == 0 || sides[i] >= unsigned_of(kMaxSide))
        refuse(concat("a side of ", sides[i], "; the limit is ", kMaxSide - 1));
      layout_.shape.push_back(static_cast<std::int64_t>(sides[i]));
    }
    view_.set_rank(layout_.shape.size());
  }

  void check_elements(const std::vector<std::int64_t>& shape) const {
    std::int64_t elements = 1;
    for (const auto side : shape) {
      elements *= side;  // below 2^26 * 2^16
      if (elements > kMaxElements)
        refuse(concat("array of more than ", kMaxElements, " numbers, which is the limit"));
    }
  }

  void check_extent(const Extent& extent) const {
    if (extent.bytes > file_.size() || extent.address > file_.size() - extent.bytes)
      refuse("the file is cut: the array reaches past its end");
    if (extent.address < user_block_) refuse("the array lies before the file's start");
  }

  /// The library copies what the header holds; the type is the stored one, so nothing is converted.
  void read_compact(hid_t dataset, hid_t type) {
    check_elements(layout_.shape);
    layout_.piece_shape = layout_.shape;
    if (H5Dget_storage_size(dataset) != layout_.piece_bytes())
      refuse("array of another size than its shape");
    layout_.compact.resize(layout_.piece_bytes());
    if (H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, layout_.compact.data()) < 0)
      refuse("damaged header");
    layout_.pieces.push_back({.offset = std::vector<std::int64_t>(layout_.shape.size()),
                              .stored = {.address = 0, .bytes = layout_.compact.size()}});
  }

  /// Makes the rows of the block the only piece.
  void place_contiguous(hid_t dataset, const Block& block) {
    layout_.piece_shape = layout_.shape;
    layout_.piece_shape[0] = 1;
    check_elements(layout_.piece_shape);
    const std::uint64_t row_bytes = layout_.piece_bytes();
    layout_.piece_shape[0] = block.end[0] - block.begin[0];
    check_elements(layout_.piece_shape);
    const haddr_t address = H5Dget_offset(dataset);
    missing_ = address == HADDR_UNDEF + user_block_;  // the library adds it in any case
    if (missing_) return;
    const Extent whole{.address = address, .bytes = row_bytes * unsigned_of(layout_.shape[0])};
    if (H5Dget_storage_size(dataset) != whole.bytes) refuse("array of another size than its shape");
    check_extent(whole);
    Piece piece{.offset = std::vector<std::int64_t>(layout_.shape.size()),
                .stored = {.address = address + row_bytes * unsigned_of(block.begin[0]),
                           .bytes = layout_.piece_bytes()}};
    piece.offset[0] = block.begin[0];
    layout_.pieces.push_back(std::move(piece));
  }

  void read_chunk_shape(hid_t properties) {
    hsize_t sides[4];
    const int rank = H5Pget_chunk(properties, 4, sides);
    if (rank != static_cast<int>(layout_.shape.size())) refuse("chunks of another rank");
    auto bytes = static_cast<std::int64_t>(layout_.width());
    for (int i = 0; i < rank; ++i) {
      if (sides[i] == 0 || sides[i] >= unsigned_of(kMaxSide)) refuse("chunk of unreasonable size");
      bytes *= static_cast<std::int64_t>(sides[i]);
      if (bytes > kMaxPieceBytes) refuse("chunk of unreasonable size");
      layout_.piece_shape.push_back(static_cast<std::int64_t>(sides[i]));
    }
    unsigned options = 0;
    if (H5Pget_chunk_opts(properties, &options) < 0) refuse("damaged header");
    plain_edges_ = (options & H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS) != 0;
    const int filters = H5Pget_nfilters(properties);
    for (int i = 0; i < filters; ++i) {
      unsigned flags = 0, config = 0;
      std::size_t values = 0;
      const H5Z_filter_t filter = H5Pget_filter2(properties, static_cast<unsigned>(i), &flags,
                                                 &values, nullptr, 0, nullptr, &config);
      if (filter == H5Z_FILTER_SHUFFLE && i == 0) {
        shuffle_bit_ = 1u;
      } else if (filter == H5Z_FILTER_DEFLATE && i == filters - 1) {
        deflate_bit_ = 1u << i;
      } else {
        refuse(concat("filter ", filter, " in an unsupported place; wanted [shuffle +] deflate"));
      }
    }
  }

  /// Looks up every chunk that the block touches.
  void place_chunks(hid_t dataset, const Block& block) {
    const std::size_t rank = layout_.shape.size();
    const auto& sides = layout_.piece_shape;
    std::vector<std::int64_t> first(rank);
    std::int64_t count = 1, elements = 1;
    for (std::size_t i = 0; i < rank; ++i) {
      first[i] = block.begin[i] / sides[i] * sides[i];
      count *= (block.end[i] - 1) / sides[i] - block.begin[i] / sides[i] + 1;
      if (count > kMaxPieces)
        refuse(concat("more than ", kMaxPieces, " chunks to read, which is the limit"));
      elements *= sides[i];
    }
    if (count > kMaxInPieces / elements) refuse("chunks far larger than the array");
    std::vector<std::int64_t> offset = first;
    for (std::size_t i = 0; i < rank;) {
      place_chunk(dataset, offset);
      // The last dimension is the fastest.
      for (i = 0; i < rank; ++i) {
        const std::size_t k = rank - 1 - i;
        offset[k] += sides[k];
        if (offset[k] < block.end[k]) break;
        offset[k] = first[k];
      }
    }
  }

  void place_chunk(hid_t dataset, const std::vector<std::int64_t>& offset) {
    const std::vector<hsize_t> at(offset.begin(), offset.end());
    const std::optional<StoredChunk> chunk = view_.find_chunk(dataset, at.data());
    missing_ |= !chunk;
    if (!chunk) return;
    const Extent stored = chunk->extent;
    std::uint32_t skipped = chunk->skipped_filters;
    if (plain_edges_ && is_partial(offset)) skipped = ~0u;
    const Piece piece{.offset = offset,
                      .stored = stored,
                      .shuffled = (shuffle_bit_ & ~skipped) != 0,
                      .deflated = (deflate_bit_ & ~skipped) != 0};
    const std::uint64_t bytes = layout_.piece_bytes();
    if (piece.deflated) {
      if (bytes / kMaxDeflateRatio > stored.bytes || stored.bytes > 2 * bytes + 64)
        refuse("damaged chunk");
    } else if (stored.bytes != bytes) {
      refuse("chunk of another size than its shape");
    }
    check_extent(stored);
    layout_.pieces.push_back(piece);
  }

  bool is_partial(const std::vector<std::int64_t>& offset) const {
    for (std::size_t i = 0; i < offset.size(); ++i) {
      if (offset[i] + layout_.piece_shape[i] > layout_.shape[i]) return true;
    }
    return false;
  }

  void read_fill(hid_t properties, hid_t type) {
    layout_.fill.resize(layout_.width());
    H5D_fill_value_t kind = H5D_FILL_VALUE_UNDEFINED;
    if (H5Pfill_value_defined(properties, &kind) < 0) refuse("damaged header");
    if (kind != H5D_FILL_VALUE_USER_DEFINED) return;  // 0
    // The library copies as many bytes as the type has, even if the header holds fewer: then the
    // same value, set by us, makes other properties.
    std::vector<std::byte> value(layout_.width());
    const Properties same(H5Pcopy(properties));
    const Type memory(memory_type(layout_.dtype));
    if (same < 0 || H5Pget_fill_value(properties, type, value.data()) < 0 ||
        H5Pset_fill_value(same, type, value.data()) < 0 || H5Pequal(properties, same) <= 0 ||
        H5Pget_fill_value(properties, memory, layout_.fill.data()) < 0) {
      refuse("damaged fill value");
    }
  }

  const RegularFile& file_;
  FileView view_;
  Layout layout_;
  unsigned shuffle_bit_ = 0, deflate_bit_ = 0;  // in the mask of filters that a chunk went without
  bool plain_edges_ = false;                    // chunks over the array's end went without any
  bool missing_ = false;
  hsize_t user_block_ = 0;
};

}  // namespace

std::vector<std::int64_t> Block::shape() const {
  std::vector<std::int64_t> sides(begin.size());
  for (std::size_t i = 0; i < sides.size(); ++i) sides[i] = end[i] - begin[i];
  return sides;
}

std::size_t Layout::piece_bytes() const {
  std::size_t bytes = width();
  for (const auto side : piece_shape) bytes *= static_cast<std::size_t>(side);
  return bytes;
}

Layout find_layout(const RegularFile& file, const std::string& name,
                   const std::function<Block(const Layout&)>& choose) {
  return Finder(file).find(name, choose);
}

}  // namespace vdd::io
