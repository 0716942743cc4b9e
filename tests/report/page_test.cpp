// SPDX-License-Identifier: Apache-2.0
#include "vdd/report/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/make_run.h"
#include "support/thrown.h"
#include "vdd/core/error.h"

namespace vdd::report {
namespace {

using test::content;
using test::make_run;
using test::TempDir;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

std::string page(const TempDir& temp, const std::vector<std::string>& names) {
  std::vector<RunRecord> runs;
  for (const auto& name : names) runs.push_back(read_run(temp / name));
  return to_page(runs);
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t found = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

TEST(Page, GroupsTheNumbersOfARun) {
  const TempDir temp;
  make_run(temp, "s1");
  const std::string html = page(temp, {"s1"});
  for (const char* title :
       {"Loss", "Gradient norm", "Learning rate", "Validation: loss", "Validation: abs_rel"}) {
    EXPECT_EQ(count(html, std::string("<figcaption>") + title + "</figcaption>"), 1U) << title;
  }
  EXPECT_EQ(count(html, "</svg>"), 5U);
  EXPECT_THAT(html, HasSubstr("<tr><th>updates</th><td>2 of 4</td></tr>"));
  EXPECT_THAT(html, HasSubstr("<tr><th>samples</th><td>4</td></tr>"));
  EXPECT_THAT(html, HasSubstr("<tr><th>time in updates</th><td>0:00:08</td></tr>"));
  EXPECT_THAT(html, HasSubstr("<tr><th>of it waiting for data</th><td>25 %</td></tr>"));
  EXPECT_THAT(html, HasSubstr("<tr><th>time in validations</th><td>1:00:00</td></tr>"));
  EXPECT_THAT(html, Not(HasSubstr("dropped")));
  EXPECT_THAT(html, HasSubstr("root: a&lt;b"));
}

TEST(Page, EmbedsThePicturesItHasRoomFor) {
  const TempDir temp;
  make_run(temp, "s1");
  temp.write("s1/samples/step-000002-a.png", "foobar");
  temp.write("s1/samples/step-000002-b.png", std::string((32 << 20), 'x'));
  const std::string html = page(temp, {"s1"});
  EXPECT_THAT(html, HasSubstr("src='data:image/png;base64,Zm9vYmFy'"));
  EXPECT_THAT(html, HasSubstr("step-000002-b.png: left out"));
}

TEST(Page, NeedsNothingElseAndRunsNoScript) {
  const TempDir temp;
  make_run(temp, "s1", "\"<script>alert(1)</script><img src=x>\"");
  make_run(temp, "<i>");
  const std::string html = page(temp, {"s1", "<i>"});
  for (const char* never : {"<script", "<i>", "<img", "http:", "https:", "url(", "<link"}) {
    EXPECT_THAT(html, Not(HasSubstr(never)));
  }
}

TEST(Page, ComparesRunsCurveByCurveAndNamesTheSettingsThatDiffer) {
  const TempDir temp;
  make_run(temp, "s1", "one");
  make_run(temp, "s2", "two");
  const std::string html = page(temp, {"s1", "s2"});
  for (const char* title : {"loss", "latent_score", "lr", "grad_norm", "valid/loss", "seconds"}) {
    EXPECT_EQ(count(html, std::string("<figcaption>") + title + "</figcaption>"), 1U) << title;
  }
  EXPECT_THAT(html, HasSubstr("<tr><th>data.root</th><td>one</td><td>two</td></tr>"));
  EXPECT_THAT(html, Not(HasSubstr("<th>train.max_steps</th>")));
  EXPECT_THAT(html, HasSubstr("<p>1 other values are the same.</p>"));
}

TEST(Report, IsTheSameBytesWhereverTheRunLies) {
  const TempDir temp;
  make_run(temp, "here/s1");
  make_run(temp, "there/s1");
  write_report(temp / "here/s1");
  write_report(temp / "there/s1");
  const std::string first = content(temp / "here/s1/report.html");
  EXPECT_EQ(first, content(temp / "there/s1/report.html"));
  write_report(temp / "here/s1");
  EXPECT_EQ(content(temp / "here/s1/report.html"), first);
  EXPECT_THAT(first, HasSubstr("<title>s1</title>"));
}

}  // namespace
}  // namespace vdd::report
