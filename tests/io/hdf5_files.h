// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/ATen.h>
#include <hdf5.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

// Files for the reader's tests, made with the library itself: an array "dataset" of kRows x
// kColumns floats, stored as a recipe says.
namespace vdd::test {

constexpr hsize_t kRows = 20, kColumns = 30;
constexpr float kFill = 7.25f;

inline at::Tensor numbers() {
  return at::arange(static_cast<std::int64_t>(kRows), at::kFloat).unsqueeze(1) * 0.25 -
         at::arange(static_cast<std::int64_t>(kColumns), at::kFloat) * 0.5;
}

/// One of the ways in which a file finds its chunks.
struct ChunkIndex {
  const char* name;
  std::array<hsize_t, 2> chunk;
  std::array<hsize_t, 2> limit = {kRows, kColumns};
  bool latest = true, early = false;
};
inline std::ostream& operator<<(std::ostream& out, const ChunkIndex& index) {
  return out << index.name;
}
inline const ChunkIndex kTree1{.name = "tree of version 1", .chunk = {8, 16}, .latest = false};
inline const ChunkIndex kImplicit{.name = "implicit", .chunk = {8, 16}, .early = true};
inline const ChunkIndex kSingle{.name = "single chunk", .chunk = {kRows, kColumns}};
inline const ChunkIndex kFixed{.name = "fixed array", .chunk = {8, 16}};
inline const ChunkIndex kExtensible{
    .name = "extensible array", .chunk = {8, 16}, .limit = {H5S_UNLIMITED, kColumns}};
inline const ChunkIndex kTree2{
    .name = "tree of version 2", .chunk = {8, 16}, .limit = {H5S_UNLIMITED, H5S_UNLIMITED}};

struct Recipe {
  ChunkIndex index = kTree1;
  H5D_layout_t layout = H5D_CHUNKED;
  hid_t type = H5T_IEEE_F32LE;
  hsize_t user_block = 0;
  bool shuffle = false, deflate = false, plain_edges = false;
  bool write = true;  ///< the numbers, by the library
};

inline hid_t need(hid_t id) {
  if (id < 0) throw std::runtime_error("the HDF5 library refuses");
  return id;
}

/// Makes the file. `more` is called with the dataset before it is closed.
inline void write_file(const std::filesystem::path& path, const Recipe& recipe,
                       const std::function<void(hid_t)>& more = nullptr) {
  const hid_t creation = need(H5Pcreate(H5P_FILE_CREATE)), access = H5Pcreate(H5P_FILE_ACCESS);
  need(H5Pset_userblock(creation, recipe.user_block));
  const bool latest = recipe.layout == H5D_CHUNKED && recipe.index.latest;
  if (latest) need(H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110));
  H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
  const hid_t file = need(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation, access));
  const hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
  const std::array<hsize_t, 2> shape = {kRows, kColumns};
  hid_t space = H5Screate_simple(2, shape.data(), nullptr);
  need(H5Pset_layout(properties, recipe.layout));
  need(H5Pset_fill_value(properties, H5T_NATIVE_FLOAT, &kFill));
  if (recipe.layout == H5D_CHUNKED) {
    space = need(H5Screate_simple(2, shape.data(), recipe.index.limit.data()));
    need(H5Pset_chunk(properties, 2, recipe.index.chunk.data()));
    if (recipe.index.early) need(H5Pset_alloc_time(properties, H5D_ALLOC_TIME_EARLY));
    if (recipe.plain_edges)
      need(H5Pset_chunk_opts(properties, H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS));
    if (recipe.shuffle) need(H5Pset_shuffle(properties));
    if (recipe.deflate) need(H5Pset_deflate(properties, 6));
  }
  const hid_t dataset =
      need(H5Dcreate2(file, "dataset", recipe.type, space, H5P_DEFAULT, properties, H5P_DEFAULT));
  if (recipe.write) {
    const at::Tensor data = numbers().contiguous();
    need(H5Dwrite(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, data.data_ptr()));
  }
  if (more) more(dataset);
  need(H5Fclose(file));  // and all that is open in it
  H5Sclose(space);
  for (const hid_t list : {properties, creation, access}) H5Pclose(list);
}

/// Stores these bytes as the chunk at (row, column).
inline void write_chunk(hid_t dataset, hsize_t row, hsize_t column, std::string_view bytes,
                        std::uint32_t skipped_filters = 0) {
  const std::array<hsize_t, 2> offset = {row, column};
  need(H5Dwrite_chunk(dataset, H5P_DEFAULT, skipped_filters, offset.data(), bytes.size(),
                      bytes.data()));
}

/// A zlib stream that holds `bytes` as they are; less than 64 KiB.
inline std::string stored_stream(std::string_view bytes) {
  std::uint32_t a = 1, b = 0;
  for (const char c : bytes) {
    a = (a + static_cast<unsigned char>(c)) % 65521;
    b = (b + a) % 65521;
  }
  const auto length = static_cast<std::uint16_t>(bytes.size());
  std::string out = "\x78\x01\x01";
  for (const int number : {int{length}, ~int{length}})
    out += {static_cast<char>(number), static_cast<char>(number >> 8)};
  out += bytes;
  for (const std::uint32_t sum : {b, a})
    out += {static_cast<char>(sum >> 8), static_cast<char>(sum)};
  return out;
}

}  // namespace vdd::test
