// SPDX-License-Identifier: Apache-2.0
#include "vdd/report/html.h"

#include <gtest/gtest.h>

#include <limits>

namespace vdd::report {
namespace {

TEST(HtmlText, NothingIsLeftThatHtmlWouldRead) {
  EXPECT_EQ(html_text("<b title=\"x\">'&'</b>"),
            "&lt;b title=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/b&gt;");
  EXPECT_EQ(html_text("two\n\tlines, \xC3\xA9"), "two\n\tlines, \xC3\xA9");
}

TEST(HtmlText, WhatIsNoTextIsReplacedByteByByte) {
  constexpr const char* kReplaced = "\xEF\xBF\xBD";
  EXPECT_EQ(html_text("\x1B"), kReplaced);
  EXPECT_EQ(html_text("\xC3"), kReplaced);
  EXPECT_EQ(html_text("\xC0\xBC"), std::string(kReplaced) + kReplaced);  // a long form of '<'
  EXPECT_EQ(html_text(std::string_view("\0", 1)), kReplaced);
}

TEST(Base64, GivesTheVectorsOfRfc4648) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foob"), "Zm9vYg==");
  EXPECT_EQ(base64("fooba"), "Zm9vYmE=");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64("\xFB\xFF\xFE"), "+//+");
}

TEST(ShortNumber, HasFourDigits) {
  EXPECT_EQ(short_number(0.0475197), "0.04752");
  EXPECT_EQ(short_number(1e-5), "1e-05");
  EXPECT_EQ(short_number(200), "200");
  EXPECT_EQ(short_number(std::numeric_limits<double>::quiet_NaN()), "nan");
}

}  // namespace
}  // namespace vdd::report
