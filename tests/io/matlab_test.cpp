// SPDX-License-Identifier: Apache-2.0
// The fixtures come from tools/reference/make_io_fixtures.py.
#include "vdd/io/matlab.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "fixture.h"
#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"

namespace vdd::io {
namespace {

using test::fixture;
using testing::ElementsAre;
using testing::HasSubstr;

class MatlabStorage : public testing::TestWithParam<const char*> {};

TEST_P(MatlabStorage, GivesTheColumnsOfAnArrayOneAfterAnother) {
  EXPECT_THAT(read_matlab_array(fixture(GetParam()), "numbers"),
              ElementsAre(1.5, 4, 2, 5, -3, 6e300));
}

TEST_P(MatlabStorage, ReadsNumbersStoredInTheirTag) {
  EXPECT_THAT(read_matlab_array(fixture(GetParam()), "a"), ElementsAre(1, 2));
}

TEST_P(MatlabStorage, RefusesEveryCutOfAFile) {
  const std::string whole = test::content(fixture(GetParam()));
  const test::TempDir dir;
  for (std::size_t size = 0; size < whole.size(); size += 3) {
    const auto file = dir.write("cut.mat", std::string_view(whole).substr(0, size));
    EXPECT_THAT(test::thrown<DataError>([&] { read_matlab_array(file, "numbers"); }),
                HasSubstr("cut.mat"));
  }
}

TEST_P(MatlabStorage, SurvivesAnyChangedByte) {
  const std::string whole = test::content(fixture(GetParam()));
  const test::TempDir dir;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0xff);
    const auto file = dir.write("damaged.mat", damaged);
    try {
      EXPECT_LE(read_matlab_array(file, "numbers").size(), whole.size());
    } catch (const DataError&) {  // what is asked of damage that shows
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Matlab, MatlabStorage, testing::Values("plain.mat", "deflated.mat"));

TEST(Matlab, OfOtherArraysOnlyTheStartIsInflated) {
  // What follows the start of the array in front is damaged, and nobody sees it.
  const std::string whole = test::content(fixture("deflated.mat"));
  const auto word = [](std::uint32_t value) {
    return std::string(reinterpret_cast<const char*>(&value), sizeof value);
  };
  const std::string array = word(6) + word(8) + std::string(8, '\0') + word(5) + word(8) + word(1) +
                            word(1 << 22) + word(2 << 16 | 1) + "xy" + std::string(2, '\0') +
                            word(2) + word(1 << 22) + std::string(1 << 20, '\0');
  std::string stream(compressBound(array.size() + 8), '\0');
  const std::string element = word(14) + word((1 << 22) + 48) + array;
  uLongf bytes = stream.size();
  compress(reinterpret_cast<Bytef*>(stream.data()), &bytes,
           reinterpret_cast<const Bytef*>(element.data()), element.size());
  stream.resize(bytes);
  stream[bytes / 2] ^= 0x55;
  std::string other = word(15) + word(static_cast<std::uint32_t>(bytes)) + stream;
  const test::TempDir dir;
  const auto file = dir.write("two.mat", std::string(whole).insert(128, other));
  EXPECT_THAT(read_matlab_array(file, "a"), ElementsAre(1, 2));
  EXPECT_THAT(test::thrown<DataError>([&] { read_matlab_array(file, "xy"); }),
              HasSubstr("damaged element"));
}

TEST(Matlab, NamesTheArrayThatIsNotThere) {
  EXPECT_THAT(test::thrown<DataError>([] { read_matlab_array(fixture("plain.mat"), "b"); }),
              HasSubstr("\"b\""));
}

TEST(Matlab, RefusesVersion73WhichIsHdf5) {
  EXPECT_THAT(test::thrown<DataError>(
                  [] { read_matlab_array(fixture("nyuv2/nyu_depth_v2_labeled.mat"), "testNdxs"); }),
              HasSubstr("version 5 to 7"));
}

}  // namespace
}  // namespace vdd::io
