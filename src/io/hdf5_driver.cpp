// SPDX-License-Identifier: Apache-2.0
#include "hdf5_driver.h"

#include <cstring>
#include <exception>
#include <limits>
#include <new>

#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::io {
namespace {

struct OpenFile : H5FD_t {
  FileView* view = nullptr;
  haddr_t end = 0;  // what the library takes as the end of what is allocated
};

H5FD_t* open_file(const char*, unsigned flags, hid_t access, haddr_t) {
  const auto* view = static_cast<FileView* const*>(H5Pget_driver_info(access));
  if (view == nullptr || (flags & H5F_ACC_RDWR) != 0) return nullptr;
  auto* file = new (std::nothrow) OpenFile{};
  if (file != nullptr) file->view = *view;
  return file;
}

herr_t close_file(H5FD_t* file) {
  delete static_cast<OpenFile*>(file);
  return 0;
}

haddr_t allocated_end(const H5FD_t* file, H5FD_mem_t) {
  return static_cast<const OpenFile*>(file)->end;
}

herr_t set_allocated_end(H5FD_t* file, H5FD_mem_t, haddr_t end) {
  static_cast<OpenFile*>(file)->end = end;
  return 0;
}

haddr_t file_end(const H5FD_t* file, H5FD_mem_t) {
  return static_cast<const OpenFile*>(file)->view->file().size();
}

herr_t read_file(H5FD_t* file, H5FD_mem_t kind, hid_t, haddr_t address, std::size_t bytes,
                 void* out) {
  const Extent extent{.address = address, .bytes = bytes};
  try {
    FileView& view = *static_cast<OpenFile*>(file)->view;
    return view.read(kind, static_cast<std::byte*>(out), extent, file->base_addr) ? 0 : -1;
  } catch (const std::exception&) {  // the library is C
    return -1;
  }
}

herr_t write_nothing(H5FD_t*, H5FD_mem_t, hid_t, haddr_t, std::size_t, const void*) {
  return -1;
}

hid_t register_driver() {
  H5FD_class_t driver{};
  driver.name = "vdd";
  driver.maxaddr = std::numeric_limits<std::int64_t>::max();
  driver.fc_degree = H5F_CLOSE_STRONG;
  driver.fapl_size = sizeof(FileView*);
  driver.open = open_file;
  driver.close = close_file;
  driver.get_eoa = allocated_end;
  driver.set_eoa = set_allocated_end;
  driver.get_eof = file_end;
  driver.read = read_file;
  driver.write = write_nothing;
  return H5FDregister(&driver);
}

std::uint64_t little_endian(const std::byte* bytes, int count) {
  std::uint64_t value = 0;
  for (int i = count; i-- > 0;) value = value << 8 | std::to_integer<std::uint64_t>(bytes[i]);
  return value;
}

/// Tells, after a chunk was not found, whether it was never written: of that only the library's
/// layer of datasets complains, of a damaged index a layer below as well.
bool only_datasets_complain() {
  bool only = true;
  const auto look = [](unsigned, const H5E_error2_t* error, void* out) -> herr_t {
    if (error->maj_num != H5E_DATASET) *static_cast<bool*>(out) = false;
    return 0;
  };
  return H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, look, &only) >= 0 && only;
}

}  // namespace

bool read_exactly(const RegularFile& file, void* out, std::size_t bytes,
                  std::uint64_t address) try {
  return bytes <= file.size() && address <= file.size() - bytes &&
         file.read_at(address, out, bytes) == bytes;
} catch (const DataError&) {
  return false;
}

Properties FileView::access() const {
  static const hid_t driver = register_driver();
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  const FileView* view = this;
  H5Pset_driver(access, driver, static_cast<const void*>(&view));
  return Properties(access);
}

/// Uses H5Dread_chunk, which looks only this chunk up; the other calls walk over all chunks before
/// it. It takes from the file how many bytes there are, and would write as many into any buffer, so
/// the driver reads nothing and only notes where they are.
std::optional<StoredChunk> FileView::find_chunk(hid_t dataset, const hsize_t* offset) {
  StoredChunk found;
  std::byte untouched{};
  chunk_.reset();
  finds_chunk_ = true;
  const herr_t status =
      H5Dread_chunk(dataset, H5P_DEFAULT, offset, &found.skipped_filters, &untouched);
  finds_chunk_ = false;
  if (status < 0 && only_datasets_complain()) return std::nullopt;
  if (status < 0 || !chunk_) throw DataError(file_.path(), "damaged chunk index");
  found.extent = *chunk_;
  return found;
}

bool FileView::read(H5FD_mem_t kind, std::byte* out, Extent extent, std::uint64_t base) {
  if (finds_chunk_ && kind == H5FD_MEM_DRAW) {
    chunk_ = extent;
    return true;
  }
  if (!read_exactly(file_, out, extent.bytes, extent.address)) return false;
  const bool is_node = extent.bytes >= 4 && std::memcmp(out, "TREE", 4) == 0;
  return !is_node || is_sound_node(out, extent, base);
}

/// Checks a node of a version 1 B-tree: "TREE", type, level, number of children, addresses of two
/// siblings, then key, child, key, child ... key. The library goes from a node to its child however
/// often that leads back, until the stack is used up; so a child must be one level lower.
bool FileView::is_sound_node(const std::byte* node, Extent extent, std::uint64_t base) {
  constexpr std::size_t kHeader = 24, kAddress = 8;
  if (extent.bytes < kHeader) return false;
  const bool of_group = node[4] == std::byte{0};
  const int level = std::to_integer<int>(node[5]);
  const auto children = static_cast<std::size_t>(little_endian(node + 6, 2));
  // A key of a group says where the name is; one of chunks has size, filters, offset of element and
  // byte.
  const std::size_t key = of_group ? 8 : 8 + 8 * (rank_ + 1);
  if (kHeader + children * (key + kAddress) > extent.bytes) return false;
  if (node_levels_.try_emplace(extent.address, level).first->second != level) return false;
  for (std::size_t i = 0; level > 0 && i < children; ++i) {
    const auto child = base + little_endian(node + kHeader + i * (key + kAddress) + key, kAddress);
    if (node_levels_.try_emplace(child, level - 1).first->second != level - 1) return false;
  }
  return true;
}

}  // namespace vdd::io
