// SPDX-License-Identifier: Apache-2.0
#include "vdd/io/hdf5.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>

#include "codecs.h"
#include "hdf5_layout.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"
#include "vdd/io/half.h"

namespace vdd::io {
namespace {

/// Copies an n-dimensional block between two strided arrays of Word.
template <typename Word>
void copy_block(const Word* in, const std::int64_t* in_strides, Word* out,
                const std::int64_t* out_strides, const std::int64_t* extent, int rank) {
  while (rank > 1 && extent[rank - 1] == 1) --rank;
  if (rank == 1) {
    if (in_strides[0] == 1 && out_strides[0] == 1) {
      std::memcpy(out, in, static_cast<std::size_t>(extent[0]) * sizeof(Word));
    } else {
      for (std::int64_t i = 0; i < extent[0]; ++i) out[i * out_strides[0]] = in[i * in_strides[0]];
    }
    return;
  }
  for (std::int64_t i = 0; i < extent[0]; ++i) {
    copy_block(in + i * in_strides[0], in_strides + 1, out + i * out_strides[0], out_strides + 1,
               extent + 1, rank - 1);
  }
}

void unshuffle(const std::byte* in, std::byte* out, std::size_t elements, std::size_t width) {
  for (std::size_t k = 0; k < width; ++k) {
    for (std::size_t i = 0; i < elements; ++i) out[i * width + k] = in[k * elements + i];
  }
}

void swap_bytes(std::byte* words, std::size_t bytes, std::size_t width) {
  for (std::size_t i = 0; i < bytes; i += width) std::reverse(words + i, words + i + width);
}

/// Takes the filters off one piece after another. What load() returns is overwritten by the next.
class PieceLoader {
 public:
  PieceLoader(const RegularFile& file, const Layout& layout) : file_(file), layout_(layout) {}

  const std::byte* load(const Piece& piece) {
    stored_.resize(piece.stored.bytes);
    if (!layout_.compact.empty()) {
      stored_ = layout_.compact;
    } else if (!read_exactly(file_, stored_.data(), stored_.size(), piece.stored.address)) {
      throw DataError(file_.path(), "the file is cut");
    }
    const std::size_t bytes = layout_.piece_bytes(), width = layout_.width();
    std::vector<std::byte>* data = &stored_;
    if (piece.deflated) {
      inflated_.resize(bytes);
      if (!inflate_exactly(stored_.data(), stored_.size(), inflated_.data(), bytes))
        throw DataError(file_.path(), "damaged chunk");
      data = &inflated_;
    }
    if (piece.shuffled && width > 1) {
      ordered_.resize(bytes);
      unshuffle(data->data(), ordered_.data(), bytes / width, width);
      data = &ordered_;
    }
    if (layout_.swapped) swap_bytes(data->data(), bytes, width);
    return data->data();
  }

 private:
  const RegularFile& file_;
  const Layout& layout_;
  std::vector<std::byte> stored_, inflated_, ordered_;
};

template <typename Word>
void read_pieces(const RegularFile& file, const Layout& layout, const Block& block,
                 const std::vector<std::int64_t>& out_strides, at::Tensor& out) {
  auto* words = static_cast<Word*>(out.data_ptr());
  if (!layout.fill.empty()) {
    Word fill;
    std::memcpy(&fill, layout.fill.data(), sizeof fill);
    std::fill_n(words, out.numel(), fill);
  }
  const int rank = static_cast<int>(layout.shape.size());
  std::vector<std::int64_t> in_strides(rank, 1), extent(rank);
  for (int i = rank - 1; i > 0; --i) in_strides[i - 1] = in_strides[i] * layout.piece_shape[i];

  PieceLoader loader(file, layout);
  for (const auto& piece : layout.pieces) {
    std::int64_t from = 0, to = 0;
    for (int i = 0; i < rank; ++i) {
      const std::int64_t low = std::max(block.begin[i], piece.offset[i]);
      extent[i] = std::min(block.end[i], piece.offset[i] + layout.piece_shape[i]) - low;
      from += (low - piece.offset[i]) * in_strides[i];
      to += (low - block.begin[i]) * out_strides[i];
    }
    const auto* data = reinterpret_cast<const Word*>(loader.load(piece));
    copy_block(data + from, in_strides.data(), words + to, out_strides.data(), extent.data(), rank);
  }
}

void check(const RegularFile& file, const Layout& layout, const Hdf5Read& want) {
  const auto refuse = [&](const std::string& reason) { throw DataError(file.path(), reason); };
  const bool converts =
      (want.dtype == at::kFloat || want.dtype == at::kDouble) && c10::isFloatingType(layout.dtype);
  if (want.dtype && *want.dtype != layout.dtype && !converts) {
    refuse(concat("numbers of type ", at::toString(layout.dtype), "; wanted ",
                  at::toString(*want.dtype)));
  }
  bool fits = want.shape.empty() || want.shape.size() == layout.shape.size();
  for (std::size_t i = 0; fits && i < want.shape.size(); ++i)
    fits = want.shape[i] == -1 || want.shape[i] == layout.shape[i];
  if (!fits) {
    refuse(concat("array of shape ", at::IntArrayRef(layout.shape), "; wanted ",
                  at::IntArrayRef(want.shape)));
  }
  if (want.channels_first && layout.shape.size() != 3) refuse("array without channels");
}

Block block_of(const Layout& layout, const Hdf5Read& want) {
  Block block{.begin = std::vector<std::int64_t>(layout.shape.size()), .end = layout.shape};
  if (!want.region) return block;
  const Region region = want.region(layout.shape);
  block.begin[0] = region.row_begin, block.end[0] = region.row_end;
  if (layout.shape.size() > 1) block.begin[1] = region.col_begin, block.end[1] = region.col_end;
  for (std::size_t i = 0; i < layout.shape.size(); ++i) {
    if (block.begin[i] < 0 || block.begin[i] >= block.end[i] || block.end[i] > layout.shape[i])
      throw ShapeError("HDF5: region outside of the array");
  }
  return block;
}

at::Tensor converted(const at::Tensor& stored, at::ScalarType dtype) {
  if (stored.scalar_type() != at::kHalf || dtype != at::kFloat) return stored.to(dtype);
  at::Tensor floats = at::empty(stored.sizes(), dtype);
  floats_from_halves(static_cast<const std::uint16_t*>(stored.const_data_ptr()),
                     floats.data_ptr<float>(), static_cast<std::size_t>(stored.numel()));
  return floats;
}

}  // namespace

at::Tensor read_hdf5(const std::filesystem::path& path, const Hdf5Read& want) {
  const RegularFile file(path);
  Block block;
  const Layout layout = find_layout(file, want.dataset, [&](const Layout& found) {
    check(file, found, want);
    return block = block_of(found, want);
  });
  const std::size_t rank = layout.shape.size();
  std::vector<std::int64_t> shape = block.shape(), strides(rank, 1);
  for (std::size_t i = rank - 1; i > 0; --i) strides[i - 1] = strides[i] * shape[i];
  if (want.channels_first) {
    strides = {shape[1], 1, shape[0] * shape[1]};
    shape = {shape[2], shape[0], shape[1]};
  }
  at::Tensor out = at::empty(shape, layout.dtype);
  switch (layout.width()) {
    case 1:
      read_pieces<std::uint8_t>(file, layout, block, strides, out);
      break;
    case 2:
      read_pieces<std::uint16_t>(file, layout, block, strides, out);
      break;
    case 4:
      read_pieces<std::uint32_t>(file, layout, block, strides, out);
      break;
    default:
      read_pieces<std::uint64_t>(file, layout, block, strides, out);
  }
  return converted(out, want.dtype.value_or(layout.dtype));
}

std::vector<std::int64_t> hdf5_shape(const std::filesystem::path& path,
                                     const std::string& dataset) {
  return find_layout(RegularFile(path), dataset).shape;
}

}  // namespace vdd::io
