// SPDX-License-Identifier: Apache-2.0
#include "vdd/io/hdf5.h"

#include <ATen/Functions.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "codecs.h"
#include "hdf5_library.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::io {
namespace {

constexpr std::int64_t kMaxSide = 65536;
constexpr std::int64_t kMaxElements = 64 << 20;
constexpr std::int64_t kMaxChunkBytes = 64 << 20;

class Descriptor {
 public:
  explicit Descriptor(const std::filesystem::path& path)
      : fd_(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)) {
    if (fd_ < 0) throw DataError(path, concat("cannot be opened: ", std::strerror(errno)));
    struct stat status {};
    const bool regular = ::fstat(fd_, &status) == 0 && S_ISREG(status.st_mode);
    size_ = status.st_size;
    if (regular) return;
    ::close(fd_);
    throw DataError(path, "is no regular file");
  }
  ~Descriptor() { ::close(fd_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  std::int64_t size() const { return size_; }
  bool read(void* out, std::size_t bytes, std::int64_t offset) const {
    auto* at = static_cast<char*>(out);
    while (bytes > 0) {
      const ssize_t n = ::pread(fd_, at, bytes, offset);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return false;
      at += n, offset += n, bytes -= static_cast<std::size_t>(n);
    }
    return true;
  }

 private:
  int fd_;
  std::int64_t size_ = 0;
};

std::optional<at::ScalarType> scalar_type(hid_t type) {
  const std::size_t size = H5Tget_size(type);
  const H5T_class_t kind = H5Tget_class(type);
  if (kind == H5T_FLOAT) {
    if (size == 2 && H5Tget_ebias(type) == 15) return at::kHalf;
    if (size == 4 && H5Tget_ebias(type) == 127) return at::kFloat;
    if (size == 8 && H5Tget_ebias(type) == 1023) return at::kDouble;
  } else if (kind == H5T_INTEGER) {
    const bool is_signed = H5Tget_sign(type) == H5T_SGN_2;
    if (size == 1 && !is_signed) return at::kByte;
    if (size == 2 && is_signed) return at::kShort;
    if (size == 4 && is_signed) return at::kInt;
  }
  return std::nullopt;
}

struct Chunk {
  std::vector<std::int64_t> offset;  // of its first element
  std::int64_t address = 0, bytes = 0;
};

/// What the library knows of an array, checked; enough to read it without the library if `direct`.
struct Layout {
  at::ScalarType dtype = at::kFloat;
  std::vector<std::int64_t> shape, chunk_shape;
  bool direct = false, shuffle = false, deflate = false;
  std::vector<std::byte> fill;
  std::vector<Chunk> chunks;
  std::size_t element() const { return c10::elementSize(dtype); }
};

/// Half-open ranges, one a dimension.
struct Block {
  std::vector<std::int64_t> begin, end;

  std::vector<std::int64_t> shape() const {
    std::vector<std::int64_t> sides(begin.size());
    for (std::size_t i = 0; i < sides.size(); ++i) sides[i] = end[i] - begin[i];
    return sides;
  }
};

class Reader {
 public:
  Reader(const std::filesystem::path& path, const std::string& name)
      : path_(path), name_(name), descriptor_(path) {}

  /// Fills layout(). If the array cannot be read directly and `choose` is given, reads the block
  /// that it names, through the library.
  at::Tensor open(const std::function<Block(const Layout&)>& choose) {
    const auto lock = lock_library();
    const File file(H5Fopen(path_.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT));
    if (file < 0) refuse("no HDF5 file, or damaged");
    H5L_info_t link;
    if (name_.find('/') != std::string::npos ||
        H5Lget_info(file, name_.c_str(), &link, H5P_DEFAULT) < 0) {
      refuse(concat("no dataset \"", name_, '"'));
    }
    if (link.type != H5L_TYPE_HARD) refuse(concat('"', name_, "\" is a link to somewhere else"));
    const Dataset dataset(H5Dopen2(file, name_.c_str(), H5P_DEFAULT));
    if (dataset < 0) refuse(concat('"', name_, "\" is no dataset, or damaged"));
    const Space space(H5Dget_space(dataset));
    const Type type(H5Dget_type(dataset));
    const Properties properties(H5Dget_create_plist(dataset));
    const Properties creation(H5Fget_create_plist(file));
    if (space < 0 || type < 0 || properties < 0 || creation < 0) refuse("damaged header");

    read_shape(space);
    const auto dtype = scalar_type(type);
    if (!dtype) refuse("numbers of an unsupported type");
    layout_.dtype = *dtype;
    const Block block = choose ? choose(layout_) : Block{};
    if (H5Pget_external_count(properties) != 0) refuse("external storage is not followed");
    const H5D_layout_t kind = H5Pget_layout(properties);
    if (kind == H5D_VIRTUAL || kind < 0) refuse("virtual storage is not followed");
    hsize_t user_block = 0;
    H5Pget_userblock(creation, &user_block);
    if (kind == H5D_CHUNKED) {
      read_chunk_shape(properties);
      layout_.direct = H5Tget_order(type) == H5T_ORDER_LE && user_block == 0;
      if (layout_.element() == 1) layout_.direct = user_block == 0;
      if (layout_.direct) read_chunk_index(dataset, space, properties);
    }
    if (layout_.direct || !choose) return {};
    return read_by_library(dataset, space, block);
  }

  const Layout& layout() const { return layout_; }
  const Descriptor& descriptor() const { return descriptor_; }
  [[noreturn]] void refuse(std::string_view reason) const { throw DataError(path_, reason); }

  void check_elements(at::IntArrayRef shape) const {
    std::int64_t elements = 1;
    for (const auto side : shape)
      elements *= side;  // at most 4 sides of 2^16: no overflow below 2^64
    if (elements > kMaxElements || elements < 0)
      refuse(concat("array of ", elements, " numbers; the limit is ", kMaxElements));
  }

 private:
  at::Tensor read_by_library(hid_t dataset, hid_t space, const Block& block) const {
    const std::vector<std::int64_t> shape = block.shape();
    check_elements(shape);
    at::Tensor array = at::empty(shape, layout_.dtype);
    const std::vector<hsize_t> start(block.begin.begin(), block.begin.end()),
        count(shape.begin(), shape.end());
    const Space memory_space(
        H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr));
    const Type memory(memory_type(layout_.dtype));
    if (H5Sselect_hyperslab(space, H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr) <
            0 ||
        H5Dread(dataset, memory, memory_space, space, H5P_DEFAULT, array.data_ptr()) < 0)
      refuse("damaged data");
    return array;
  }

  void read_shape(hid_t space) {
    const int rank = H5Sget_simple_extent_ndims(space);
    if (rank < 1 || rank > 4) refuse(concat("array of rank ", rank, "; wanted 1 to 4"));
    hsize_t sides[4];
    H5Sget_simple_extent_dims(space, sides, nullptr);
    for (int i = 0; i < rank; ++i) {
      if (sides[i] == 0 || sides[i] >= kMaxSide)
        refuse(concat("a side of ", sides[i], "; the limit is ", kMaxSide - 1));
      layout_.shape.push_back(static_cast<std::int64_t>(sides[i]));
    }
  }

  void read_chunk_shape(hid_t properties) {
    hsize_t sides[4];
    const int rank = H5Pget_chunk(properties, 4, sides);
    if (rank != static_cast<int>(layout_.shape.size())) refuse("chunks of another rank");
    std::int64_t bytes = static_cast<std::int64_t>(layout_.element());
    for (int i = 0; i < rank; ++i) {
      if (sides[i] == 0 || sides[i] >= kMaxSide) refuse("chunk of unreasonable size");
      bytes *= static_cast<std::int64_t>(sides[i]);
      if (bytes > kMaxChunkBytes) refuse("chunk of unreasonable size");
      layout_.chunk_shape.push_back(static_cast<std::int64_t>(sides[i]));
    }
    const int filters = H5Pget_nfilters(properties);
    for (int i = 0; i < filters; ++i) {
      unsigned flags = 0, config = 0;
      std::size_t values = 0;
      const H5Z_filter_t filter = H5Pget_filter2(properties, static_cast<unsigned>(i), &flags,
                                                 &values, nullptr, 0, nullptr, &config);
      if (filter == H5Z_FILTER_SHUFFLE && i == 0) {
        layout_.shuffle = true;
      } else if (filter == H5Z_FILTER_DEFLATE && i == filters - 1) {
        layout_.deflate = true;
      } else {
        refuse(concat("filter ", filter, " in an unsupported place; wanted [shuffle +] deflate"));
      }
    }
  }

  void read_chunk_index(hid_t dataset, hid_t space, hid_t properties) {
    const int rank = static_cast<int>(layout_.shape.size());
    layout_.fill.resize(layout_.element());
    const Type memory(memory_type(layout_.dtype));
    if (H5Pget_fill_value(properties, memory, layout_.fill.data()) < 0)
      std::fill(layout_.fill.begin(), layout_.fill.end(), std::byte{});
    hsize_t count = 0, room = 1;
    for (int i = 0; i < rank; ++i)
      room *= static_cast<hsize_t>((layout_.shape[i] - 1) / layout_.chunk_shape[i] + 1);
    // 1.10.8 takes no H5S_ALL here.
    if (H5Dget_num_chunks(dataset, space, &count) < 0 || count > room)
      refuse("damaged chunk index");
    layout_.chunks.resize(count);
    for (hsize_t i = 0; i < count; ++i) {
      hsize_t offset[4], bytes = 0;
      unsigned skipped_filters = 0;
      haddr_t address = HADDR_UNDEF;
      if (H5Dget_chunk_info(dataset, space, i, offset, &skipped_filters, &address, &bytes) < 0)
        refuse("damaged chunk index");
      auto& chunk = layout_.chunks[i];
      for (int k = 0; k < rank; ++k) {
        if (offset[k] >= static_cast<hsize_t>(layout_.shape[k]))
          refuse("chunk outside of the array");
        chunk.offset.push_back(static_cast<std::int64_t>(offset[k]));
      }
      chunk.address = static_cast<std::int64_t>(address);
      chunk.bytes = static_cast<std::int64_t>(bytes);
      const auto size = descriptor_.size();
      if (skipped_filters != 0) refuse("chunk without its filters");
      if (address == HADDR_UNDEF || chunk.bytes <= 0 || chunk.bytes > 2 * kMaxChunkBytes ||
          chunk.address < 0 || chunk.bytes > size || chunk.address > size - chunk.bytes) {
        refuse("the file is cut: a chunk lies past its end");
      }
    }
  }

  const std::filesystem::path& path_;
  const std::string& name_;
  Descriptor descriptor_;
  Layout layout_;
};

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

/// One chunk's raw numbers, in memory of this thread.
const std::byte* load_chunk(const Reader& reader, const Chunk& chunk, std::size_t elements) {
  thread_local std::vector<std::byte> stored, inflated, ordered;
  const auto& layout = reader.layout();
  const std::size_t bytes = elements * layout.element();
  if (!layout.deflate && chunk.bytes != static_cast<std::int64_t>(bytes))
    reader.refuse("chunk of another size than its shape");
  stored.resize(static_cast<std::size_t>(chunk.bytes));
  if (!reader.descriptor().read(stored.data(), stored.size(), chunk.address))
    reader.refuse("the file is cut");
  const std::byte* data = stored.data();
  if (layout.deflate) {
    inflated.resize(bytes);
    if (!inflate_exactly(data, stored.size(), inflated.data(), bytes))
      reader.refuse("damaged chunk");
    data = inflated.data();
  }
  if (layout.shuffle && layout.element() > 1) {
    ordered.resize(bytes);
    unshuffle(data, ordered.data(), elements, layout.element());
    data = ordered.data();
  }
  return data;
}

template <typename Word>
void read_chunks(const Reader& reader, const std::vector<std::int64_t>& begin,
                 const std::vector<std::int64_t>& end, const std::vector<std::int64_t>& out_strides,
                 Word* out) {
  const auto& layout = reader.layout();
  const int rank = static_cast<int>(layout.shape.size());
  std::vector<std::int64_t> in_strides(rank, 1), extent(rank);
  for (int i = rank - 1; i > 0; --i) in_strides[i - 1] = in_strides[i] * layout.chunk_shape[i];
  const auto elements = static_cast<std::size_t>(in_strides[0] * layout.chunk_shape[0]);

  for (const auto& chunk : layout.chunks) {
    std::int64_t from = 0, to = 0;
    bool overlaps = true;
    for (int i = 0; i < rank; ++i) {
      const std::int64_t low = std::max(begin[i], chunk.offset[i]);
      extent[i] = std::min(end[i], chunk.offset[i] + layout.chunk_shape[i]) - low;
      overlaps &= extent[i] > 0;
      from += (low - chunk.offset[i]) * in_strides[i];
      to += (low - begin[i]) * out_strides[i];
    }
    if (!overlaps) continue;
    const auto* data = reinterpret_cast<const Word*>(load_chunk(reader, chunk, elements));
    copy_block(data + from, in_strides.data(), out + to, out_strides.data(), extent.data(), rank);
  }
}

template <typename Word>
void read_words(const Reader& reader, const std::vector<std::int64_t>& begin,
                const std::vector<std::int64_t>& end, const std::vector<std::int64_t>& out_strides,
                at::Tensor& out) {
  const auto& layout = reader.layout();
  auto* words = static_cast<Word*>(out.data_ptr());
  std::size_t room = 1;
  for (std::size_t i = 0; i < layout.shape.size(); ++i)
    room *= static_cast<std::size_t>((layout.shape[i] - 1) / layout.chunk_shape[i] + 1);
  if (layout.chunks.size() < room) {  // a chunk that was never written means the fill value
    Word fill;
    std::memcpy(&fill, layout.fill.data(), sizeof fill);
    std::fill_n(words, out.numel(), fill);
  }
  read_chunks(reader, begin, end, out_strides, words);
}

void check(const Reader& reader, const Layout& layout, const Hdf5Read& want) {
  if (want.dtype && *want.dtype != layout.dtype) {
    reader.refuse(concat("numbers of type ", at::toString(layout.dtype), "; wanted ",
                         at::toString(*want.dtype)));
  }
  bool fits = want.shape.empty() || want.shape.size() == layout.shape.size();
  for (std::size_t i = 0; fits && i < want.shape.size(); ++i)
    fits = want.shape[i] == -1 || want.shape[i] == layout.shape[i];
  if (!fits) {
    reader.refuse(concat("array of shape ", at::IntArrayRef(layout.shape), "; wanted ",
                         at::IntArrayRef(want.shape)));
  }
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

}  // namespace

at::Tensor read_hdf5(const std::filesystem::path& path, const Hdf5Read& want) {
  Reader reader(path, want.dataset);
  Block block;
  const at::Tensor part = reader.open([&](const Layout& layout) {
    check(reader, layout, want);
    return block = block_of(layout, want);
  });
  const auto& layout = reader.layout();
  const int rank = static_cast<int>(layout.shape.size());
  if (want.channels_first && rank != 3) reader.refuse("array without channels");
  if (part.defined()) return want.channels_first ? part.permute({2, 0, 1}).contiguous() : part;

  std::vector<std::int64_t> shape = block.shape(), strides(rank, 1);
  reader.check_elements(shape);
  for (int i = rank - 1; i > 0; --i) strides[i - 1] = strides[i] * shape[i];
  if (want.channels_first) {
    strides = {shape[1], 1, shape[0] * shape[1]};
    shape = {shape[2], shape[0], shape[1]};
  }
  at::Tensor out = at::empty(shape, layout.dtype);
  switch (layout.element()) {
    case 1:
      read_words<std::uint8_t>(reader, block.begin, block.end, strides, out);
      break;
    case 2:
      read_words<std::uint16_t>(reader, block.begin, block.end, strides, out);
      break;
    case 4:
      read_words<std::uint32_t>(reader, block.begin, block.end, strides, out);
      break;
    default:
      read_words<std::uint64_t>(reader, block.begin, block.end, strides, out);
  }
  return out;
}

std::vector<std::int64_t> hdf5_shape(const std::filesystem::path& path,
                                     const std::string& dataset) {
  Reader reader(path, dataset);
  reader.open(nullptr);
  return reader.layout().shape;
}

}  // namespace vdd::io
