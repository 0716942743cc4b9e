// SPDX-License-Identifier: Apache-2.0
#include "vdd/core/folders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"

namespace vdd {
namespace {

namespace fs = std::filesystem;
using test::TempDir;
using test::thrown;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(Folders, AnswersForWhatIsThereAndWhatIsNot) {
  const TempDir dir;
  const fs::path file = dir.write("file", "x");
  ASSERT_EQ(::mkfifo((dir / "fifo").c_str(), 0600), 0);
  fs::create_symlink("nowhere", dir / "dangling");
  fs::create_symlink("file", dir / "link");
  EXPECT_TRUE(path_exists(file) && is_file(file) && !is_folder(file));
  EXPECT_TRUE(path_exists(dir.path()) && !is_file(dir.path()) && is_folder(dir.path()));
  EXPECT_TRUE(path_exists(dir / "fifo") && !is_file(dir / "fifo") && !is_folder(dir / "fifo"));
  EXPECT_TRUE(is_file(dir / "link"));
  for (const fs::path& path : {dir / "gone", dir / "dangling", file / "below"})
    EXPECT_FALSE(path_exists(path) || is_file(path) || is_folder(path)) << path;
  EXPECT_EQ(real_path(dir / "link"), real_path(file));
}

TEST(Folders, ListsSortedNames) {
  const TempDir dir;
  for (const char* name : {"b", "a", ".c", "d/e"}) dir.write(name, "");
  EXPECT_THAT(list_names(dir.path()), ElementsAre(".c", "a", "b", "d"));
}

TEST(Folders, WhatCannotBeAnsweredIsADataErrorWithTheNameEscaped) {
  const TempDir dir;
  fs::create_symlink("loop\n", dir / "loop\n");
  const fs::path loop = dir / "loop\n", long_name = dir / std::string(300, 'x');
  for (const fs::path& path : {loop, loop / "below", long_name}) {
    EXPECT_THAT(thrown<DataError>([&] { path_exists(path); }), HasSubstr("cannot be examined: "));
    EXPECT_THAT(thrown<DataError>([&] { is_folder(path); }), HasSubstr("cannot be examined: "));
    EXPECT_THAT(thrown<DataError>([&] { is_file(path); }), HasSubstr("cannot be examined: "));
    EXPECT_THAT(thrown<DataError>([&] { list_names(path); }), HasSubstr("cannot be listed: "));
    EXPECT_THAT(thrown<DataError>([&] { real_path(path); }), HasSubstr("cannot be found: "));
  }
  EXPECT_THAT(thrown<DataError>([&] { path_exists(loop); }), HasSubstr("/loop\\n: "));
  EXPECT_THAT(thrown<DataError>([&] { list_names(dir.write("file", "")); }),
              HasSubstr("Not a directory"));
}

TEST(Folders, AreMadeWithThoseAbove) {
  const TempDir dir;
  make_folders(dir / "a/b");
  make_folders(dir / "a/b");
  EXPECT_TRUE(is_folder(dir / "a/b"));
  EXPECT_THAT(thrown<ResourceError>([&] { make_folders(dir.write("file", "") / "c"); }),
              HasSubstr("/file/c: cannot be made: "));
}

}  // namespace
}  // namespace vdd
