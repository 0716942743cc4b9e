// SPDX-License-Identifier: Apache-2.0
// The archive's directory under damage; contents and NumPy's view of them are in numpy_test.cpp.
#include "../../src/io/zip.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "zip_bytes.h"

namespace vdd::io {
namespace {

std::string archive_of(const std::string& content, bool deflate) {
  const test::TempDir dir;
  ZipWriter writer(dir / "a.zip", "member", content.size(), deflate);
  for (std::size_t at = 0; at < content.size(); at += 100)
    writer.write(content.data() + at, std::min<std::size_t>(100, content.size() - at));
  writer.commit();
  return test::content(dir / "a.zip");
}

class Zip : public testing::TestWithParam<bool> {
 protected:
  const std::string text_ = [] {
    std::string text;
    for (int i = 0; i < 1000; ++i) text += std::to_string(i * i);
    return text;
  }();
};

TEST_P(Zip, GivesBackWhatWasWritten) {
  const std::string archive = archive_of(text_, GetParam());
  EXPECT_EQ(archive, archive_of(text_, GetParam()));
  const auto members = list_zip(archive, "a.zip");
  ASSERT_EQ(members.size(), 1u);
  EXPECT_EQ(members[0].name, "member");
  EXPECT_EQ(members[0].deflated, GetParam());
  std::string out(members[0].size, '\0');
  extract(members[0], out.data(), "a.zip");
  EXPECT_EQ(out, text_);
  if (GetParam()) {
    EXPECT_LT(archive.size(), text_.size());
  }
}

TEST_P(Zip, ACutArchiveIsRefusedAtEveryLength) {
  const std::string archive = archive_of(text_, GetParam());
  for (std::size_t length = 0; length < archive.size(); ++length)
    EXPECT_THROW(list_zip(std::string_view(archive).substr(0, length), "a.zip"), DataError);
}

TEST_P(Zip, AChangedByteIsRefusedOrDoesNotMatter) {
  const std::string archive = archive_of(text_, GetParam());
  int refused = 0;
  for (std::size_t at = 0; at < archive.size(); ++at) {
    std::string damaged = archive;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
    try {
      for (const ZipMember& member : list_zip(damaged, "a.zip")) {
        std::string out(member.size, '\0');
        extract(member, out.data(), "a.zip");
        EXPECT_EQ(out, text_) << "byte " << at;
      }
    } catch (const DataError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, static_cast<int>(archive.size()) / 2);  // all of the data, and more
}

TEST_P(Zip, AnUnfinishedArchiveLeavesNothing) {
  const test::TempDir dir;
  {
    ZipWriter writer(dir / "a.zip", "member", 10, GetParam());
    writer.write("12345", 5);
    EXPECT_THROW(writer.commit(), ShapeError);
  }
  EXPECT_TRUE(dir.names().empty());
}

INSTANTIATE_TEST_SUITE_P(Io, Zip, testing::Bool());

TEST(ZipMembers, MoreContentThanDeflateCanHoldIsRefusedBeforeMemoryIsTaken) {
  const std::string bomb = test::zip_of(
      {{.name = "bomb", .data = "0123456789", .deflated = true, .size = UINT32_MAX - 1}});
  EXPECT_THAT(test::thrown<DataError>([&] { list_zip(bomb, "a.zip"); }),
              testing::HasSubstr("less data than its size needs"));
}

TEST(ZipMembers, TheStartIsReadWithoutTheRest) {
  const std::string text(100'000, 'x');
  for (const bool deflate : {false, true}) {
    const std::string archive = archive_of(text, deflate);
    const auto members = list_zip(archive, "a.zip");
    EXPECT_EQ(extract_start(members[0], 1000, "a.zip"), text.substr(0, 1000));
    EXPECT_EQ(extract_start(members[0], 1'000'000, "a.zip"), text);
  }
}

TEST(ZipMembers, OnlyWhatIsNotDeflatedIsReadInPlace) {
  const std::string text = "0123456789";
  const std::string stored = archive_of(text, false), deflated = archive_of(text, true);
  EXPECT_EQ(content_in_place(list_zip(stored, "a.zip")[0], "a.zip"), text);
  EXPECT_THROW(content_in_place(list_zip(deflated, "a.zip")[0], "a.zip"), DataError);
}

}  // namespace
}  // namespace vdd::io
