// SPDX-License-Identifier: Apache-2.0
#include "layouts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>

#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"

namespace vdd::eval {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Layouts, NumbersInNamesCountAsNumbers) {
  std::vector<std::string> names = {"a10", "b", "a2", "a02", "a", "a2b", "1.5", "1.25", "a1x3"};
  std::sort(names.begin(), names.end(), natural_less);
  EXPECT_THAT(names, ElementsAre("1.5", "1.25", "a", "a1x3", "a02", "a2", "a2b", "a10", "b"));
}

TEST(Layouts, NaturalOrderIsAnOrder) {
  const std::vector<std::string> names = {"",  "0",  "00", "1",   "01",  "1a",
                                          "a", "a1", "a0", "a01", "a1b", "a01b"};
  for (const auto& a : names) {
    EXPECT_FALSE(natural_less(a, a));
    for (const auto& b : names) {
      if (a != b) {
        EXPECT_NE(natural_less(a, b), natural_less(b, a)) << a << ' ' << b;
      }
      for (const auto& c : names) {
        if (natural_less(a, b) && natural_less(b, c)) {
          EXPECT_TRUE(natural_less(a, c)) << a << ' ' << b << ' ' << c;
        }
      }
    }
  }
}

TEST(Layouts, NamesComeWithoutPrefixAndSuffix) {
  const test::TempDir dir;
  for (const char* name : {"f10.png", "f9.png", "f.png", "g1.png", "f1.jpg"}) dir.write(name, "");
  EXPECT_THAT(names_in(dir.path(), "f", ".png"), ElementsAre("9", "10"));
  EXPECT_TRUE(names_in(dir / "nowhere", "", "").empty());
}

TEST(Layouts, RowsOfATableAreNumbers) {
  const test::TempDir dir;
  const auto file = dir.write("rows.txt", "# time place\n1.5  2\r\n\n-inf 4 5\n");
  const auto rows = read_rows(file);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_THAT(rows[0], ElementsAre(1.5, 2));
  EXPECT_EQ(rows[1].size(), 3u);
  EXPECT_THAT(test::thrown<DataError>([&] { read_rows(dir.write("bad.txt", "1 2\n3 x\n")); }),
              HasSubstr("line 2"));
  EXPECT_THAT(test::thrown<DataError>([&] { read_matrix(file, 2, 2); }),
              HasSubstr("2 rows of 2 numbers"));
}

TEST(Layouts, ScaledIntrinsicsKeepThePixelCentres) {
  const auto scaled = scaled_intrinsics(pinhole(100, 120, 31.5, 23.5), 0.5, 2);
  // The centre of the picture stays the centre: (31.5 + 0.5) / 2 - 0.5 and (23.5 + 0.5) 2 - 0.5.
  EXPECT_TRUE(torch::allclose(scaled, pinhole(50, 240, 15.5, 47.5)));
}

TEST(Layouts, AListNamesFilesBelowItsFolderOnly) {
  const auto refuse = [](std::string_view reason) {
    throw DataError("list.txt", "line 3", reason);
  };
  EXPECT_EQ(listed_file("/data", "a/b..c/..d.png", refuse), "/data/a/b..c/..d.png");
  EXPECT_EQ(listed_file("/data", "./a b.png", refuse), "/data/./a b.png");
  for (const std::string name :
       {"", "/etc/passwd", "..", "../a", "a/../../b", "a/..", "a\\..\\b", "a\nb"}) {
    EXPECT_THAT(test::thrown<DataError>([&] { listed_file("/data", name, refuse); }),
                HasSubstr("list.txt: line 3: "))
        << name;
  }
  EXPECT_THROW(listed_file("/data", std::string("a\0b", 3), refuse), DataError);
}

}  // namespace
}  // namespace vdd::eval
