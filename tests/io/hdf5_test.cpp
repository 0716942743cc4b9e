// SPDX-License-Identifier: Apache-2.0
// The fixtures come from tools/reference/make_io_fixtures.py: half(y, x) = y / 4 - x / 2, with NaN
// at (3, 4).
#include "vdd/io/hdf5.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <thread>

#include "fixture.h"
#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/core/files.h"

namespace vdd::io {
namespace {

using test::fixture;
using testing::HasSubstr;

constexpr int64_t kHeight = 37, kWidth = 53;

torch::Tensor expected_half() {
  auto half = (torch::arange(kHeight, torch::kDouble).unsqueeze(1) * 0.25 -
               torch::arange(kWidth, torch::kDouble) * 0.5)
                  .to(torch::kHalf);
  half[3][4] = std::numeric_limits<float>::quiet_NaN();
  return half;
}

bool same(const torch::Tensor& a, const torch::Tensor& b) {
  return a.dtype() == b.dtype() && a.sizes() == b.sizes() &&
         torch::allclose(a.to(torch::kDouble), b.to(torch::kDouble), 0, 0, true);
}

class Hdf5Layout : public testing::TestWithParam<const char*> {};

TEST_P(Hdf5Layout, ReadsWhatH5pyWrote) {
  EXPECT_TRUE(same(read_hdf5(fixture(GetParam())), expected_half()));
}

TEST_P(Hdf5Layout, ReadsARegion) {
  const auto part = read_hdf5(fixture(GetParam()), {.region = [](at::IntArrayRef) {
                                return Region{3, 36, 19, 41};
                              }});
  EXPECT_TRUE(same(part, expected_half().slice(0, 3, 36).slice(1, 19, 41)));
}

INSTANTIATE_TEST_SUITE_P(Hdf5, Hdf5Layout,
                         testing::Values("half.hdf5", "half_shuffled.hdf5", "half_contiguous.hdf5",
                                         "half_big_endian.hdf5", "half_user_block.hdf5"));

TEST(Hdf5, ReadsColourInEitherOrder) {
  const auto half = expected_half().to(torch::kFloat);
  const auto planes = torch::stack({half, half + 1, half + 2}).to(torch::kHalf);
  EXPECT_TRUE(same(read_hdf5(fixture("color.hdf5"), {.channels_first = true}), planes));
  EXPECT_TRUE(same(read_hdf5(fixture("color.hdf5")), planes.permute({1, 2, 0})));
  const auto part = read_hdf5(fixture("color.hdf5"), {.region =
                                                          [](at::IntArrayRef) {
                                                            return Region{10, 30, 5, 53};
                                                          },
                                                      .channels_first = true});
  EXPECT_TRUE(same(part, planes.slice(1, 10, 30).slice(2, 5, 53)));
}

TEST(Hdf5, ReadsDoublesAndMissingChunks) {
  const auto rows = (torch::arange(5, torch::kDouble).unsqueeze(1) * 0.25 -
                     torch::arange(kWidth, torch::kDouble) * 0.5);
  EXPECT_TRUE(same(read_hdf5(fixture("double.hdf5")), rows));
  auto sparse = torch::full({kHeight, kWidth}, -7, torch::kShort);
  sparse.slice(0, 0, 16).slice(1, 0, 20).fill_(5);
  EXPECT_TRUE(same(read_hdf5(fixture("sparse.hdf5")), sparse));
}

TEST(Hdf5, ConvertsFloatingTypes) {
  for (const char* name :
       {"half.hdf5", "half_big_endian.hdf5", "half_contiguous.hdf5", "double.hdf5"}) {
    const auto stored = read_hdf5(fixture(name));
    for (const auto type : {torch::kFloat, torch::kDouble})
      EXPECT_TRUE(same(read_hdf5(fixture(name), {.dtype = type}), stored.to(type))) << name;
  }
}

TEST(Hdf5, SaysTheShapeWithoutReading) {
  EXPECT_EQ(hdf5_shape(fixture("color.hdf5")), (std::vector<int64_t>{kHeight, kWidth, 3}));
}

TEST(Hdf5, RefusesWhatWasNotAskedFor) {
  const auto half = fixture("half.hdf5");
  EXPECT_THAT(test::thrown<DataError>([&] { read_hdf5(half, {.dtype = at::kShort}); }),
              HasSubstr("type Half; wanted Short"));
  for (const auto type : {at::kHalf, at::kFloat}) {
    EXPECT_THROW(read_hdf5(fixture("sparse.hdf5"), {.dtype = type}), DataError);  // of integers
  }
  EXPECT_THROW(read_hdf5(fixture("double.hdf5"), {.dtype = at::kHalf}), DataError);
  EXPECT_THAT(test::thrown<DataError>([&] {
                read_hdf5(half, {.shape = {37, 54}});
              }),
              HasSubstr("[37, 53]; wanted [37, 54]"));
  EXPECT_THROW(read_hdf5(half, {.shape = {-1}}), DataError);
  EXPECT_NO_THROW(read_hdf5(half, {.dtype = at::kHalf, .shape = {-1, 53}}));
}

TEST(Hdf5, RefusesOtherKeysLinksAndFilters) {
  EXPECT_THAT(test::thrown<DataError>([] { read_hdf5(fixture("other_key.hdf5")); }),
              HasSubstr("no dataset \"dataset\""));
  EXPECT_THAT(test::thrown<DataError>([] { read_hdf5(fixture("elsewhere.hdf5")); }),
              HasSubstr("link"));
  EXPECT_THAT(test::thrown<DataError>([] { read_hdf5(fixture("external.hdf5")); }),
              HasSubstr("external"));
  EXPECT_THAT(test::thrown<DataError>([] { read_hdf5(fixture("checksummed.hdf5")); }),
              HasSubstr("filter"));
}

TEST(Hdf5, RefusesAChunkShorterThanItsShape) {
  EXPECT_THAT(test::thrown<DataError>([] { read_hdf5(fixture("short_chunk.hdf5")); }),
              HasSubstr("damaged chunk"));
}

TEST(Hdf5, RefusesEveryCutFile) {
  const test::TempDir dir;
  const std::string whole = read_file(fixture("half.hdf5"), 1 << 20);
  for (std::size_t size = 0; size < whole.size() - 8; size += 97) {
    EXPECT_THROW(read_hdf5(dir.write("cut.hdf5", whole.substr(0, size))), DataError) << size;
  }
}

TEST(Hdf5, SurvivesEveryChangedByte) {
  const test::TempDir dir;
  const std::string whole = read_file(fixture("half.hdf5"), 1 << 20);
  for (std::size_t i = 0; i < whole.size(); i += 11) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x5A);
    try {  // either refused, or the byte did not matter, or it is another valid array
      read_hdf5(dir.write("damaged.hdf5", damaged));
    } catch (const DataError&) {
    }
  }
}

TEST(Hdf5, KeepsWhatItWrites) {
  const test::TempDir dir;
  torch::manual_seed(0);
  for (const auto type :
       {torch::kHalf, torch::kFloat, torch::kDouble, torch::kShort, torch::kInt}) {
    const auto array = (torch::randn({41, 30, 3}) * 100).to(type);
    write_hdf5(dir / "chunked.hdf5", array, {.chunks = {16, 8, 1}, .deflate = 9});
    EXPECT_TRUE(same(read_hdf5(dir / "chunked.hdf5"), array));
    write_hdf5(dir / "plain.hdf5", array.transpose(0, 1));
    EXPECT_TRUE(same(read_hdf5(dir / "plain.hdf5"), array.transpose(0, 1)));
  }
}

TEST(Hdf5, WritesTheSameBytesForTheSameArray) {
  const test::TempDir dir;
  const auto array = expected_half();
  write_hdf5(dir / "a.hdf5", array, {.chunks = {16, 20}, .deflate = 9});
  write_hdf5(dir / "b.hdf5", array, {.chunks = {16, 20}, .deflate = 9});
  EXPECT_EQ(read_file(dir / "a.hdf5", 1 << 20), read_file(dir / "b.hdf5", 1 << 20));
  EXPECT_THROW(write_hdf5(dir / "no/such.hdf5", array), ResourceError);
}

TEST(Hdf5, ManyThreadsMayRead) {
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 20; ++k) right += same(read_hdf5(fixture("half.hdf5")), expected_half());
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(right, 160);
}

}  // namespace
}  // namespace vdd::io
