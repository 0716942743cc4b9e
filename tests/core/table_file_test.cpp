// SPDX-License-Identifier: Apache-2.0
#include "vdd/core/table_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"

namespace vdd {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Rows = std::vector<std::vector<std::string>>;
using Separator = TableFile::Separator;

/// All rows, that of the columns' names first.
Rows rows_of(const std::string& text, Separator separator = Separator::kComma) {
  const test::TempDir dir;
  TableFile table(dir.write("table.csv", text), separator, 1 << 20);
  Rows rows(1);
  for (std::size_t i = 0; i < table.columns(); ++i) rows[0].emplace_back(table.header(i));
  while (table.next()) {
    rows.emplace_back();
    for (std::size_t i = 0; i < table.columns(); ++i) rows.back().emplace_back(table.text(i));
  }
  return rows;
}

std::string refusal(const std::string& text) {
  return test::thrown<DataError>([&] { rows_of(text); });
}

// RFC 4180, section 2, by number.
TEST(TableFile, ReadsCsvAsTheStandardSays) {
  EXPECT_EQ(rows_of("aaa,bbb,ccc\r\nzzz,yyy,xxx\r\n"),
            (Rows{{"aaa", "bbb", "ccc"}, {"zzz", "yyy", "xxx"}}));                         // 1
  EXPECT_EQ(rows_of("aaa,bbb\r\nzzz,yyy"), (Rows{{"aaa", "bbb"}, {"zzz", "yyy"}}));        // 2
  EXPECT_EQ(rows_of("\"aaa\",\"bbb\"\r\nzzz,\"\""), (Rows{{"aaa", "bbb"}, {"zzz", ""}}));  // 5
  EXPECT_EQ(rows_of("\"a\",\"b \r\nbb\",\"c,c\"\r\nzzz,yyy,xxx"),
            (Rows{{"a", "b \r\nbb", "c,c"}, {"zzz", "yyy", "xxx"}}));                      // 6
  EXPECT_EQ(rows_of("a,b\r\n\"b\"\"bb\",\"\"\"\""), (Rows{{"a", "b"}, {"b\"bb", "\""}}));  // 7
}

TEST(TableFile, TakesAByteOrderMarkEmptyLinesAndBlanks) {
  const Rows rows = {{"a", "b"}, {"1", ""}, {"x y", " z "}};
  EXPECT_EQ(rows_of("\xEF\xBB\xBF"
                    "a,b\n1,\nx y,\" z \"\n"),
            rows);
  EXPECT_EQ(rows_of("\xEF\xBB\xBF\"a\",b\n1,\nx y,\" z \"\n"), rows);
  EXPECT_EQ(rows_of("\na , b\n \t\n1, \r\n\r\nx y ,  \" z \"\t\n\n"), rows);
}

TEST(TableFile, SplitsAtAnyNumberOfBlanks) {
  EXPECT_EQ(rows_of("a b \n\n  \"1  2,\"\r\n", Separator::kBlank),
            (Rows{{"a", "b"}, {"\"1", "2,\""}}));
}

TEST(TableFile, FindsColumnsByName) {
  const test::TempDir dir;
  const TableFile table(dir.write("t.csv", "a,b\n1,2\n"), Separator::kComma, 8);
  EXPECT_EQ(table.column("b"), 1u);
  EXPECT_THAT(test::thrown<DataError>([&] { table.column("c"); }), HasSubstr("no column \"c\""));
}

TEST(TableFile, RefusalsNameTheLineOnWhichTheRowStarts) {
  EXPECT_THAT(refusal(""), HasSubstr("empty"));
  EXPECT_THAT(refusal("\xEF\xBB\xBF\n \n"), HasSubstr("empty"));
  EXPECT_THAT(refusal("a,b\n\"1\n2\",3\n\n4\n"), HasSubstr("line 5: has 1 columns"));
  EXPECT_THAT(refusal("a,b\n1,2\n3,\"4\n5,6\n"), HasSubstr("line 3: a quote is not closed"));
  EXPECT_THAT(refusal("a,b\n\"1\"x,2\n"), HasSubstr("line 2: text after a quote"));
  EXPECT_THAT(refusal("a,b\n\"1\" \"2\",2\n"), HasSubstr("line 2: text after a quote"));
  EXPECT_THAT(refusal(std::string(100000, ',')), HasSubstr("more than 4096 columns"));
  EXPECT_THAT(refusal("a\n" + std::string(1 << 20, 'x')), HasSubstr("table.csv"));
}

}  // namespace
}  // namespace vdd
