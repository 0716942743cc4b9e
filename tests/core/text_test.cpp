// SPDX-License-Identifier: Apache-2.0
#include "vdd/core/text.h"

#include <gtest/gtest.h>

#include <bit>
#include <clocale>
#include <cmath>
#include <limits>

#include "vdd/core/random.h"

namespace vdd {
namespace {

TEST(Concat, WritesPartsOneAfterAnother) {
  EXPECT_EQ(concat("a", 1, ':', 2.5, std::string("b")), "a1:2.5b");
}

TEST(Utf8Length, AcceptsTheBordersOfEachLength) {
  EXPECT_EQ(utf8_length("\x7F"), 1u);
  EXPECT_EQ(utf8_length("\xC2\x80"), 2u);
  EXPECT_EQ(utf8_length("\xDF\xBF"), 2u);
  EXPECT_EQ(utf8_length("\xE0\xA0\x80"), 3u);
  EXPECT_EQ(utf8_length("\xED\x9F\xBF"), 3u);
  EXPECT_EQ(utf8_length("\xF0\x90\x80\x80"), 4u);
  EXPECT_EQ(utf8_length("\xF4\x8F\xBF\xBF"), 4u);
}

TEST(Utf8Length, RefusesWhatTheStandardForbids) {
  for (const char* text : {"\x80", "\xC1\xBF" /* overlong */, "\xE0\x9F\xBF", "\xF0\x8F\xBF\xBF",
                           "\xED\xA0\x80" /* surrogate */, "\xF4\x90\x80\x80" /* past U+10FFFF */,
                           "\xF8\x88\x80\x80\x80", "\xC2", "\xE2\x82", "\xC2\x41"}) {
    EXPECT_EQ(utf8_length(text), 0u) << escape(text);
  }
  EXPECT_EQ(utf8_length(""), 0u);
}

TEST(Escape, LeavesReadableTextAlone) {
  EXPECT_EQ(escape("a b, caf\xC3\xA9 \xE2\x82\xAC"), "a b, caf\xC3\xA9 \xE2\x82\xAC");
}

TEST(Escape, MakesControlBytesVisible) {
  EXPECT_EQ(escape("a\nb\\c\x1B[0m\x7F"), "a\\nb\\\\c\\x1b[0m\\x7f");
  EXPECT_EQ(escape(std::string_view("\0", 1)), "\\x00");
  EXPECT_EQ(escape("\xFF\xC3"), "\\xff\\xc3");
  EXPECT_EQ(escape("\xC2\x9B"), "\\xc2\\x9b") << "C1 control sequence introducer";
  EXPECT_EQ(escape("\xE2\x80\xA8"), "\\xe2\\x80\\xa8") << "line separator";
  EXPECT_EQ(escape("\xE2\x80\xAE"), "\\xe2\\x80\\xae") << "right-to-left override";
  EXPECT_EQ(escape("\xE2\x81\xA6"), "\\xe2\\x81\\xa6") << "left-to-right isolate";
}

TEST(Escape, CutsLongText) {
  EXPECT_EQ(escape("aaaaa", 5), "aaaaa");
  EXPECT_EQ(escape("aaaaab", 5), "aaaaa...");
}

TEST(Nearest, FindsTheWordThatWasMeant) {
  const std::vector<std::string> keys = {"warmup_steps", "lr", "lambda"};
  EXPECT_EQ(nearest("warmup_step", keys), "warmup_steps");
  EXPECT_EQ(nearest("lamda", keys), "lambda");
  EXPECT_EQ(nearest("l", keys), "lr");
  EXPECT_EQ(nearest("something", keys), std::nullopt);
  EXPECT_EQ(nearest("x", {}), std::nullopt);
  EXPECT_EQ(did_you_mean("lamda", keys), "; did you mean 'lambda'?");
  EXPECT_EQ(did_you_mean("zzzz", keys), "");
}

TEST(SplitAndJoin, AreInverse) {
  EXPECT_EQ(split("a,,b,", ','), (std::vector<std::string>{"a", "", "b", ""}));
  EXPECT_EQ(split("", ','), (std::vector<std::string>{""}));
  EXPECT_EQ(join(split("a,,b,", ','), ","), "a,,b,");
  EXPECT_EQ(join({}, ","), "");
}

TEST(Trim, RemovesSpaceOnBothSides) {
  EXPECT_EQ(trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(trim(" \n "), "");
}

TEST(ParseInt, TakesTheWholeTextOrNothing) {
  EXPECT_EQ(parse_int("0"), 0);
  EXPECT_EQ(parse_int("-12"), -12);
  EXPECT_EQ(parse_int("9223372036854775807"), std::numeric_limits<long long>::max());
  EXPECT_EQ(parse_int("-9223372036854775808"), std::numeric_limits<long long>::min());
  for (const char* text :
       {"", "-", "+1", " 1", "1 ", "1.0", "1e3", "0x10", "010", "-01", "00", "1_000", "1,000",
        "9223372036854775808", "-9223372036854775809", "\xD9\xA1" /* Arabic one */}) {
    EXPECT_EQ(parse_int(text), std::nullopt) << text;
  }
}

TEST(ParseDouble, TakesTheWholeTextOrNothing) {
  EXPECT_EQ(parse_double("0.1"), 0.1);
  EXPECT_EQ(parse_double("-1e-5"), -1e-5);
  EXPECT_EQ(parse_double("3"), 3.0);
  EXPECT_EQ(parse_double("5e-324"), 5e-324);
  for (const char* text :
       {"", "-", "+1", " 1", "1 ", "1,5", "1e", "0x1p3", "1e999", "one", "1_0.0"}) {
    EXPECT_EQ(parse_double(text), std::nullopt) << text;
  }
}

TEST(ParseBytes, TakesANumberAndAUnit) {
  EXPECT_EQ(parse_bytes("1B"), 1);
  EXPECT_EQ(parse_bytes("3KB"), 3000);
  EXPECT_EQ(parse_bytes("3KiB"), 3072);
  EXPECT_EQ(parse_bytes("500MB"), 500'000'000);
  EXPECT_EQ(parse_bytes("2MiB"), 2 * 1024 * 1024);
  EXPECT_EQ(parse_bytes("7GB"), 7'000'000'000);
  EXPECT_EQ(parse_bytes("200GiB"), 200LL * 1024 * 1024 * 1024);
  EXPECT_EQ(parse_bytes("2TB"), 2'000'000'000'000);
  EXPECT_EQ(parse_bytes("1.5TiB"), 1536LL * 1024 * 1024 * 1024);
  for (const char* text :
       {"", "200", "GiB", "0GiB", "0.5B", "-1GiB", "+1GiB", "1e3MB", "1 GiB", "1GiB ", "1gib", "1G",
        "1.2.3GiB", "1,5GiB", "1PiB", "8388608TiB" /* 2^63 */, "99999999999TB"}) {
    EXPECT_EQ(parse_bytes(text), std::nullopt) << text;
  }
}

TEST(Shortest, ReadsBackAsTheSameNumber) {
  EXPECT_EQ(shortest(0.1), "0.1");
  EXPECT_EQ(shortest(1e-5), "1e-05");
  EXPECT_EQ(shortest(55000), "55000");
  Random random(3);
  for (int i = 0; i < 10'000; ++i) {
    const auto value = std::bit_cast<double>(random.next());
    if (std::isfinite(value)) {
      ASSERT_EQ(parse_double(shortest(value)), value);
    }
  }
}

TEST(Numbers, IgnoreTheLocale) {
  const std::string before = std::setlocale(LC_NUMERIC, nullptr);
  for (const char* name : {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8"}) {
    if (std::setlocale(LC_NUMERIC, name) != nullptr) break;
  }
  EXPECT_EQ(parse_double("0.5"), 0.5);
  EXPECT_EQ(parse_double("0,5"), std::nullopt);
  EXPECT_EQ(shortest(0.5), "0.5");
  EXPECT_EQ(concat(1000000, ' ', 0.5), "1000000 0.5");
  std::setlocale(LC_NUMERIC, before.c_str());
}

TEST(GlobMatch, StarSpansDotsAndQuestionMarkOneCharacter) {
  EXPECT_TRUE(glob_match("*", ""));
  EXPECT_TRUE(glob_match("*temporal*", "down_blocks.0.temporal_res_block.conv1.weight"));
  EXPECT_TRUE(glob_match("up_blocks.?.*.weight", "up_blocks.3.a.b.weight"));
  EXPECT_TRUE(glob_match("a*b*c", "aXbXbXc"));
  EXPECT_TRUE(glob_match("**a", "ba"));
  EXPECT_FALSE(glob_match("", "a"));
  EXPECT_FALSE(glob_match("?", ""));
  EXPECT_FALSE(glob_match("a*b", "abc"));
  EXPECT_FALSE(glob_match("*.bias", "conv.bias2"));
}

TEST(GlobMatch, IsNotExponential) {
  std::string pattern;
  for (int i = 0; i < 50; ++i) pattern += "a*";
  EXPECT_FALSE(glob_match(pattern + "b", std::string(2000, 'a')));
}

}  // namespace
}  // namespace vdd
