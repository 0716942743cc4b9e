// SPDX-License-Identifier: Apache-2.0
// Every way to store an array, read as it was written and, with one thing wrong in it, refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <functional>

#include "io/hdf5_files.h"
#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/io/hdf5.h"

namespace vdd::io {
namespace {

using test::kFill;
using test::Recipe;
using testing::HasSubstr;

std::string bytes_of(const torch::Tensor& array) {
  const auto data = array.contiguous();
  return {static_cast<const char*>(data.data_ptr()), data.nbytes()};
}

std::string little_endian(std::uint64_t value, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += static_cast<char>(value >> 8 * i);
  return out;
}

class HostileHdf5 : public testing::Test {
 protected:
  torch::Tensor read() const { return read_hdf5(file_); }
  std::string refusal() const {
    return test::thrown<DataError>([&] { read(); });
  }
  const test::TempDir dir_;
  const std::filesystem::path file_ = dir_ / "array.hdf5";
};

class EveryIndex : public HostileHdf5, public testing::WithParamInterface<test::ChunkIndex> {
 protected:
  /// Calls `check` for each byte order, with and without user block.
  void for_each(Recipe recipe, const std::function<void(const Recipe&)>& check) const {
    recipe.index = GetParam();
    for (const hid_t type : {H5T_IEEE_F32LE, H5T_IEEE_F32BE}) {
      for (const hsize_t user_block : {0, 512}) {
        SCOPED_TRACE(testing::Message() << (type == H5T_IEEE_F32LE ? "little" : "big")
                                        << "-endian, user block " << user_block);
        recipe.type = type;
        recipe.user_block = user_block;
        check(recipe);
      }
    }
  }
  bool takes_filters() const { return !GetParam().early; }
};
/// All but the implicit one, which does not say how long a chunk is.
class EveryFilteredIndex : public EveryIndex {};

TEST_P(EveryIndex, IsReadAsItWasWritten) {
  for (const auto& [shuffle, deflate] : {std::pair{false, false}, {false, true}, {true, true}}) {
    if (deflate && !takes_filters()) continue;
    for_each({.shuffle = shuffle, .deflate = deflate}, [&](const Recipe& recipe) {
      test::write_file(file_, recipe);
      EXPECT_TRUE(torch::equal(read(), test::numbers()));
      const auto part = read_hdf5(file_, {.region = [](at::IntArrayRef) {
                                    return Region{7, 17, 15, 30};
                                  }});
      EXPECT_TRUE(torch::equal(part, test::numbers().slice(0, 7, 17).slice(1, 15, 30)));
    });
  }
}

TEST_P(EveryFilteredIndex, RefusesAChunkShorterOrLongerThanItsShape) {
  const auto chunk = GetParam().chunk[0] * GetParam().chunk[1] * sizeof(float);
  for (const std::size_t size : std::vector<std::size_t>{0, 16, chunk - 1, chunk + 1}) {
    for_each({.deflate = true}, [&](const Recipe& recipe) {
      test::write_file(file_, recipe, [&](hid_t dataset) {
        test::write_chunk(dataset, 0, 0, test::stored_stream(std::string(size, 'x')));
      });
      EXPECT_THAT(refusal(), HasSubstr("damaged chunk"));
    });
  }
}

TEST_P(EveryFilteredIndex, LeavesOutTheFiltersThatAChunkWentWithout) {
  constexpr std::uint32_t kWithoutShuffle = 1, kWithoutDeflate = 2;
  for_each({.shuffle = true, .deflate = true, .write = false}, [&](const Recipe& recipe) {
    const auto [rows, columns] = recipe.index.chunk;
    const auto chunk = torch::randn({static_cast<int64_t>(rows), static_cast<int64_t>(columns)});
    std::string bytes = bytes_of(chunk);
    if (recipe.type == H5T_IEEE_F32BE) {
      for (std::size_t i = 0; i < bytes.size(); i += 4) std::reverse(&bytes[i], &bytes[i] + 4);
    }
    for (const auto mask : {kWithoutShuffle, kWithoutShuffle | kWithoutDeflate}) {
      test::write_file(file_, recipe, [&](hid_t dataset) {
        test::write_chunk(dataset, 0, 0,
                          mask & kWithoutDeflate ? bytes : test::stored_stream(bytes), mask);
      });
      auto expected = torch::full({test::kRows, test::kColumns}, kFill);
      expected.slice(0, 0, chunk.size(0)).slice(1, 0, chunk.size(1)).copy_(chunk);
      EXPECT_TRUE(torch::equal(read(), expected));
    }
  });
}

TEST_P(EveryIndex, GivesTheFillValueWhereNothingWasWritten) {
  for_each({.deflate = takes_filters(), .write = false}, [&](const Recipe& recipe) {
    test::write_file(file_, recipe);
    EXPECT_TRUE(torch::equal(read(), torch::full({test::kRows, test::kColumns}, kFill)));
  });
}

TEST_P(EveryIndex, RefusesEveryCutFile) {
  for_each({}, [&](const Recipe& recipe) {
    test::write_file(file_, recipe);
    const std::string bytes = test::content(file_);
    for (std::size_t size = 0; size < bytes.size(); size += bytes.size() / 7) {
      dir_.write("array.hdf5", bytes.substr(0, size));
      EXPECT_THROW(read(), DataError) << size;
    }
  });
}

TEST_P(EveryIndex, SurvivesEveryChangedByte) {
  Recipe recipe{.index = GetParam(), .deflate = takes_filters()};
  test::write_file(file_, recipe);
  const std::string whole = test::content(file_);
  for (std::size_t i = 0; i < whole.size(); i += 37) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x5A);
    dir_.write("array.hdf5", damaged);
    try {  // either refused, or the byte did not matter, or it is another valid array
      read();
    } catch (const DataError&) {
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Hdf5, EveryIndex,
                         testing::Values(test::kTree1, test::kImplicit, test::kSingle, test::kFixed,
                                         test::kExtensible, test::kTree2));
INSTANTIATE_TEST_SUITE_P(Hdf5, EveryFilteredIndex,
                         testing::Values(test::kTree1, test::kSingle, test::kFixed,
                                         test::kExtensible, test::kTree2));

TEST_F(HostileHdf5, RefusesAPlainChunkOfAnotherSize) {
  for (const std::size_t size : {4, 508, 516, 1 << 20}) {
    test::write_file(file_, {}, [&](hid_t dataset) {
      test::write_chunk(dataset, 8, 16, std::string(size, 'x'));
    });
    EXPECT_THAT(refusal(), HasSubstr("another size than its shape")) << size;
  }
}

TEST_F(HostileHdf5, ReadsChunksThatGoWithoutFiltersAtTheEdge) {
  for (const auto& index : {test::kFixed, test::kExtensible, test::kTree2}) {
    test::write_file(file_,
                     {.index = index, .shuffle = true, .deflate = true, .plain_edges = true});
    EXPECT_TRUE(torch::equal(read(), test::numbers())) << index;
  }
}

TEST_F(HostileHdf5, RefusesAFillValueShorterThanItsType) {
  test::write_file(file_, {.write = false});
  std::string bytes = test::content(file_);
  const auto size = bytes.find(little_endian(4, 4) + bytes_of(torch::tensor(kFill)));
  ASSERT_NE(size, std::string::npos);
  dir_.write("array.hdf5", bytes.replace(size, 4, little_endian(2, 4)));
  EXPECT_THAT(refusal(), HasSubstr("damaged fill value"));
}

class EveryPlainLayout : public HostileHdf5, public testing::WithParamInterface<H5D_layout_t> {};

TEST_P(EveryPlainLayout, IsReadAsItWasWritten) {
  for (const hid_t type : {H5T_IEEE_F32LE, H5T_IEEE_F32BE, H5T_IEEE_F64BE}) {
    for (const hsize_t user_block : {0, 512}) {
      test::write_file(file_, {.layout = GetParam(), .type = type, .user_block = user_block});
      const auto all = read_hdf5(file_, {.dtype = at::kFloat});
      EXPECT_TRUE(torch::equal(all, test::numbers()));
      const auto part = read_hdf5(file_, {.dtype = at::kFloat, .region = [](at::IntArrayRef) {
                                            return Region{3, 12, 5, 30};
                                          }});
      EXPECT_TRUE(torch::equal(part, test::numbers().slice(0, 3, 12).slice(1, 5, 30)));
    }
  }
}

TEST_P(EveryPlainLayout, RefusesAnotherSizeThanItsShape) {
  const std::size_t bytes = test::kRows * test::kColumns * 4;
  test::write_file(file_, {.layout = GetParam()});
  // Version, class, then size and data (compact) or address and size.
  const std::string whole = test::content(file_), size = little_endian(bytes, 2);
  const auto at = GetParam() == H5D_COMPACT ? whole.find(std::string("\x03\0", 2) + size) + 2
                                            : whole.find(std::string("\x03\x01", 2)) + 2 + 8;
  ASSERT_EQ(whole.substr(at, 2), size);
  for (const std::size_t wrong : {std::size_t{8}, bytes - 4}) {
    std::string damaged = whole;
    dir_.write("array.hdf5", damaged.replace(at, 2, little_endian(wrong, 2)));
    EXPECT_THAT(refusal(), HasSubstr("another size than its shape"));
  }
}

INSTANTIATE_TEST_SUITE_P(Hdf5, EveryPlainLayout, testing::Values(H5D_COMPACT, H5D_CONTIGUOUS));

TEST_F(HostileHdf5, RefusesAContiguousArrayPastTheEndOfTheFile) {
  for (const hsize_t user_block : {0, 512}) {
    test::write_file(file_, {.layout = H5D_CONTIGUOUS, .user_block = user_block});
    std::string bytes = test::content(file_);
    const auto at = bytes.find(std::string("\x03\x01", 2)) + 2;
    for (const std::uint64_t address :
         std::vector<std::uint64_t>{bytes.size() - user_block - 100, ~std::uint64_t{0} - 511}) {
      dir_.write("array.hdf5", bytes.replace(at, 8, little_endian(address, 8)));
      EXPECT_THAT(refusal(), testing::AnyOf(HasSubstr("past its end"), HasSubstr("before")));
    }
  }
}

TEST_F(HostileHdf5, GivesTheFillValueOfAContiguousArrayThatWasNeverWritten) {
  for (const hsize_t user_block : {0, 512}) {
    test::write_file(file_, {.layout = H5D_CONTIGUOUS, .user_block = user_block, .write = false});
    EXPECT_TRUE(torch::equal(read(), torch::full({test::kRows, test::kColumns}, kFill)));
  }
}

TEST_F(HostileHdf5, RefusesVirtualStorageWithoutOpeningItsSources) {
  const auto fifo = dir_ / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const hsize_t shape[] = {8, 64}, limit[] = {H5S_UNLIMITED, 64}, origin[] = {0, 0}, one[] = {1, 1},
                count[] = {H5S_UNLIMITED, 1}, block[] = {1, 64};
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS), properties = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
  H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
  const hid_t file = test::need(H5Fcreate(file_.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access));
  const hid_t space = H5Screate_simple(2, shape, limit), source = H5Screate_simple(2, shape, limit);
  for (const hid_t each : {space, source})
    test::need(H5Sselect_hyperslab(each, H5S_SELECT_SET, origin, one, count, block));
  test::need(H5Pset_virtual(properties, space, fifo.c_str(), "dataset", source));
  test::need(
      H5Dcreate2(file, "dataset", H5T_IEEE_F32LE, space, H5P_DEFAULT, properties, H5P_DEFAULT));
  H5Fclose(file);
  EXPECT_THAT(refusal(), HasSubstr("virtual"));
  EXPECT_THROW(hdf5_shape(file_), DataError);
}

TEST_F(HostileHdf5, RefusesTypesThatAreNoPlainNumbers) {
  const hid_t strings = H5Tcopy(H5T_C_S1), pairs = H5Tcreate(H5T_COMPOUND, 8),
              odd = H5Tcopy(H5T_IEEE_F32LE);
  H5Tset_size(strings, H5T_VARIABLE);
  H5Tinsert(pairs, "a", 0, H5T_IEEE_F32LE);
  H5Tset_fields(odd, 30, 22, 8, 0, 22);  // a float of 31 bits
  for (const hid_t type : {strings, pairs, odd, H5T_VAX_F32, H5T_STD_I64LE}) {
    const hid_t file = H5Fcreate(file_.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    const hsize_t side = 4;
    const hid_t space = H5Screate_simple(1, &side, nullptr);
    const hid_t dataset =
        test::need(H5Dcreate2(file, "dataset", type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Dclose(dataset);
    H5Sclose(space);
    H5Fclose(file);
    EXPECT_THAT(refusal(), HasSubstr("unsupported type"));
  }
}

/// Where the only node of the version 1 B-tree of the group (0) or of the chunks (1) is.
std::size_t find_node(const std::string& bytes, char type) {
  const std::size_t at = bytes.find(std::string("TREE") + type);
  EXPECT_NE(at, std::string::npos);
  EXPECT_EQ(bytes.find(std::string("TREE") + type, at + 1), std::string::npos);
  return at;
}
constexpr std::size_t kNodeHeader = 24, kChunkKey = 32;

TEST_F(HostileHdf5, RefusesAChunkPastTheEndOfTheFile) {
  for (const hsize_t user_block : {0, 512}) {
    test::write_file(file_, {.user_block = user_block});
    std::string bytes = test::content(file_);
    const std::size_t child = find_node(bytes, '\1') + kNodeHeader + kChunkKey;
    const std::uint64_t end = bytes.size() - user_block;
    for (const auto address : {end - 100, end + 100, ~std::uint64_t{0} - 600}) {
      dir_.write("array.hdf5", bytes.replace(child, 8, little_endian(address, 8)));
      EXPECT_THAT(refusal(), testing::AnyOf(HasSubstr("past its end"), HasSubstr("chunk index")));
    }
  }
}

TEST_F(HostileHdf5, RefusesATreeThatLeadsBackToItself) {
  for (const hsize_t user_block : {0, 512}) {
    test::write_file(file_, {.user_block = user_block});
    for (const char type : {'\0', '\1'}) {
      std::string bytes = test::content(file_);
      const std::size_t node = find_node(bytes, type), key = type == '\0' ? 8 : kChunkKey;
      const auto children = static_cast<unsigned char>(bytes[node + 6]);
      bytes[node + 5] = 1;  // level
      for (std::size_t i = 0; i < children; ++i) {
        bytes.replace(node + kNodeHeader + key + i * (key + 8), 8,
                      little_endian(node - user_block, 8));
      }
      dir_.write("array.hdf5", bytes);
      EXPECT_THROW(read(), DataError) << int{type};
    }
  }
}

/// One number a chunk.
void write_many_chunks(const std::filesystem::path& path, hsize_t rows, hsize_t columns,
                       bool implicit) {
  const hsize_t shape[] = {rows, columns}, chunk[] = {1, 1};
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS), properties = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_chunk(properties, 2, chunk);
  if (implicit) {
    H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
    H5Pset_alloc_time(properties, H5D_ALLOC_TIME_EARLY);
    H5Pset_fill_time(properties, H5D_FILL_TIME_NEVER);
  }
  const hid_t file = test::need(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access));
  const hid_t space = H5Screate_simple(2, shape, nullptr);
  const hid_t dataset = test::need(
      H5Dcreate2(file, "dataset", H5T_STD_U8LE, space, H5P_DEFAULT, properties, H5P_DEFAULT));
  if (!implicit) {
    const std::vector<std::uint8_t> ones(rows * columns, 1);
    test::need(H5Dwrite(dataset, H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, ones.data()));
  }
  for (const hid_t list : {access, properties}) H5Pclose(list);
  H5Dclose(dataset);
  H5Sclose(space);
  H5Fclose(file);
}

TEST_F(HostileHdf5, TheTimeGrowsWithTheNumberOfChunksOnly) {
  using Clock = std::chrono::steady_clock;
  write_many_chunks(file_, 200, 200, false);
  const auto start = Clock::now();
  EXPECT_TRUE(torch::equal(read(), torch::ones({200, 200}, torch::kByte)));
  // A walk over all chunks for each takes 11 s, a look-up of each 0.1 s.
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(5));
}

TEST_F(HostileHdf5, RefusesToReadAMillionChunks) {
  write_many_chunks(file_, 1024, 1024, true);
  EXPECT_THAT(refusal(), HasSubstr("131072 chunks"));
  EXPECT_EQ(hdf5_shape(file_), (std::vector<int64_t>{1024, 1024}));
  const auto part = read_hdf5(file_, {.region = [](at::IntArrayRef) {
                                return Region{1000, 1010, 0, 10};
                              }});
  EXPECT_TRUE(torch::equal(part, torch::zeros({10, 10}, torch::kByte)));
}

}  // namespace
}  // namespace vdd::io
