// SPDX-License-Identifier: Apache-2.0
#include "vdd/report/chart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <regex>

namespace vdd::report {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Le;
using ::testing::Not;

std::vector<double> numbers(const std::string& text, const std::string& pattern) {
  std::vector<double> values;
  const std::regex regex(pattern);
  for (std::sregex_iterator it(text.begin(), text.end(), regex), end; it != end; ++it) {
    values.push_back(std::stod((*it)[1]));
  }
  return values;
}

Curve ramp(int count) {
  Curve curve{.name = "ramp", .points = {}};
  for (int i = 0; i < count; ++i) curve.points.push_back({1.0 * i, 3.0 * i});
  return curve;
}

TEST(Ticks, AreRoundAndInside) {
  EXPECT_THAT(ticks(0, 10, false), ElementsAre(0, 2, 4, 6, 8, 10));
  EXPECT_THAT(ticks(-1, 1, false), ElementsAre(-1, -0.5, 0, 0.5, 1));
  EXPECT_THAT(ticks(0.03, 0.9, true), ElementsAre(0.05, 0.1, 0.2, 0.5));
  EXPECT_THAT(ticks(1, 1e4, true), ElementsAre(1, 10, 100, 1000, 1e4));
}

TEST(Ticks, AreFewWhateverTheRange) {
  constexpr double kMax = std::numeric_limits<double>::max();
  EXPECT_LE(ticks(-kMax, kMax, false).size(), 10U);
  EXPECT_LE(ticks(1e-300, 1e300, true).size(), 10U);
  EXPECT_LE(ticks(1e15, 1e15 + 1, false).size(), 100U);
}

TEST(Chart, APointIsDrawnWhereItsNumbersSay) {
  const std::string html =
      to_html({.title = "t", .curves = {{.name = "c", .points = {{0, 0}, {1, 5}, {2, 10}}}}});
  const auto x = numbers(html, "cx='([^']*)'"), y = numbers(html, "cy='([^']*)'");
  ASSERT_EQ(x.size(), 3U);
  EXPECT_NEAR(x[1], (x[0] + x[2]) / 2, 0.1);
  EXPECT_NEAR(y[1], (y[0] + y[2]) / 2, 0.1);
  EXPECT_LT(x[0], x[2]);
  EXPECT_GT(y[0], y[2]);  // larger is higher
}

TEST(Chart, AWideRangeIsLogarithmicIfItMayBe) {
  Chart chart{.title = "t", .curves = {{.name = "c", .points = {{0, 1}, {1, 10}, {2, 100}}}}};
  const auto heights = [&] { return numbers(to_html(chart), "cy='([^']*)'"); };
  EXPECT_NEAR(heights()[1], (heights()[0] + heights()[2]) / 2, 0.1);
  chart.may_be_logarithmic = false;
  EXPECT_GT(heights()[1], (heights()[0] + heights()[2]) / 2 + 10);
}

TEST(Chart, ManyPointsBecomeMeansInABandOfTheirExtremes) {
  const std::string html = to_html({.title = "t", .curves = {ramp(100'000)}});
  EXPECT_LT(html.size(), 20'000U);
  EXPECT_THAT(html, HasSubstr("fill-opacity"));
  EXPECT_THAT(html, Not(HasSubstr("<circle")));
}

TEST(Chart, WhatIsNotFiniteIsLeftOutAndCounted) {
  const double nan = std::nan(""), inf = std::numeric_limits<double>::infinity();
  const std::string html = to_html(
      {.title = "t", .curves = {{.name = "c", .points = {{0, 1}, {1, nan}, {2, inf}, {3, 2}}}}});
  EXPECT_THAT(html, HasSubstr("2 not finite"));
  EXPECT_EQ(numbers(html, "cx='([^']*)'").size(), 2U);
  EXPECT_THAT(to_html({.title = "t", .curves = {{.name = "c", .points = {{0, nan}}}}}),
              HasSubstr("no values yet"));
}

TEST(Chart, AnyDoublesStayInsideThePicture) {
  constexpr double kMax = std::numeric_limits<double>::max();
  for (const auto& [low, high] :
       std::vector<std::pair<double, double>>{{-kMax, kMax}, {5e-324, kMax}, {7, 7}, {0, 0}}) {
    const std::string html =
        to_html({.title = "t", .curves = {{.name = "c", .points = {{0, low}, {1, high}}}}});
    EXPECT_THAT(html, Not(HasSubstr("='nan")));
    const auto heights = numbers(html, "cy='([^']*)'");
    EXPECT_EQ(heights.size(), 2U);
    EXPECT_THAT(heights, Each(Le(230))) << low << ' ' << high;
  }
}

TEST(Chart, NamesAreText) {
  const std::string html = to_html({.title = "<t>", .curves = {{"<script>", {{0, 1}}}}});
  EXPECT_THAT(html, HasSubstr("&lt;script&gt;"));
  EXPECT_THAT(html, Not(HasSubstr("<script>")));
  EXPECT_THAT(html, HasSubstr("&lt;t&gt;"));
}

}  // namespace
}  // namespace vdd::report
