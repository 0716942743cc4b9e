// SPDX-License-Identifier: Apache-2.0
#include "../../src/core/temporary.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <set>

#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/core/file_lock.h"

namespace vdd {
namespace {

namespace fs = std::filesystem;
using test::content;
using test::TempDir;
using test::thrown;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::UnorderedElementsAre;

std::vector<std::string> file_names(const std::vector<fs::path>& paths) {
  std::vector<std::string> found;
  for (const fs::path& path : paths) found.push_back(path.filename().string());
  return found;
}

TEST(Temporary, NamesLieBesideTheFinalOneAndDifferEachTime) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const fs::path path = temporary_sibling("folder/run.json");
    EXPECT_EQ(path.parent_path().string(), "folder");
    EXPECT_THAT(path.filename().string(), MatchesRegex("\\.tmp-run\\.json-[0-9a-f]{16}"));
    seen.insert(path.filename().string());
  }
  EXPECT_EQ(seen.size(), 100u);
}

TEST(Temporary, ANameWithoutAFolderIsOneOfTheCurrentFolder) {
  EXPECT_EQ(temporary_sibling("run").parent_path().string(), ".");
  EXPECT_EQ(parent_of("run").string(), ".");
  EXPECT_EQ(parent_of("a/b/run").string(), "a/b");
  EXPECT_EQ(parent_of("/run").string(), "/");
}

TEST(Temporary, SiblingsAreThoseWithTheNameAndSixteenDigits) {
  const TempDir dir;
  for (const char* name :
       {".tmp-run-0123456789abcdef", ".tmp-run-fedcba9876543210/half", ".old-run-0123456789abcdef",
        ".tmp-run-0123456789abcde", ".tmp-run-0123456789abcdef0", ".tmp-run-0123456789ABCDEF",
        ".tmp-run-2-0123456789abcdef", ".tmp-my-run-0123456789abcdef", ".tmp-run-", "run"}) {
    dir.write(name, "");
  }
  EXPECT_THAT(file_names(siblings(dir / "run", kTemporary)),
              UnorderedElementsAre(".tmp-run-0123456789abcdef", ".tmp-run-fedcba9876543210"));
  EXPECT_THAT(file_names(siblings(dir / "run", ".old-")), ElementsAre(".old-run-0123456789abcdef"));
  EXPECT_THAT(file_names(siblings(dir / "absent/run", kTemporary)), IsEmpty());
}

TEST(Temporary, TheLongestNamesStillHaveSiblingsOfTheirOwn) {
  const TempDir dir;
  const fs::path a = dir / (std::string(254, 'x') + 'a'), b = dir / (std::string(254, 'x') + 'b');
  const std::string of_a = temporary_sibling(a).filename(), of_b = temporary_sibling(b).filename();
  EXPECT_LE(of_a.size(), 255u);
  dir.write(of_a, "");
  dir.write(of_b, "");
  EXPECT_THAT(file_names(siblings(a, kTemporary)), ElementsAre(of_a));
  EXPECT_THAT(file_names(siblings(b, kTemporary)), ElementsAre(of_b));
}

TEST(Temporary, AFailedWriteNamesThePathAndTheReason) {
  const fs::path path = "run\n";
  const auto fail = [&] {
    errno = ENOSPC;
    fail_write(path, "cannot be written");
  };
  EXPECT_EQ(thrown<ResourceError>(fail), "run\\n: cannot be written: No space left on device");
}

TEST(Temporary, SyncNamesAFileThatIsNotThere) {
  const TempDir dir;
  sync_file(dir.write("file", "x"));
  EXPECT_THAT(thrown<ResourceError>([&] { sync_file(dir / "absent"); }),
              HasSubstr("absent: cannot be synced: No such file"));
}

TEST(Abandoned, FilesAndFoldersGoUnlessTheirLockIsHeld) {
  const TempDir dir;
  dir.write("folder/below/half", "x");
  for (const fs::path& path : {dir.write("file", "x"), dir / "folder"}) {
    const int holder = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    ASSERT_EQ(try_lock(holder), LockState::kHeld);
    for (const bool exclusive : {false, true}) {
      remove_abandoned(path, exclusive);
      EXPECT_TRUE(fs::exists(path)) << path;
    }
    ::close(holder);
    remove_abandoned(path, /*exclusive=*/false);
    EXPECT_FALSE(fs::exists(path)) << path;
  }
  remove_abandoned(dir / "absent", /*exclusive=*/true);
  EXPECT_THAT(dir.names(), IsEmpty());
}

TEST(Abandoned, WhatALinkLeadsToStays) {
  const TempDir dir;
  dir.write("mine/notes", "x");
  fs::create_symlink("mine/notes", dir / "file");
  fs::create_directory_symlink("mine", dir / "folder");
  for (const char* link : {"file", "folder"}) remove_abandoned(dir / link, /*exclusive=*/true);
  EXPECT_EQ(content(dir / "mine/notes"), "x");
}

TEST(Leftovers, WhatIsNamedOtherwiseStays) {
  const TempDir dir;
  for (const char* name : {".tmp--0123456789abcdef", ".tmp-a-0123456789abcde", "a-0123456789abcdef",
                           ".tmp-a-0123456789abcdef0", ".tmp-a-0123456789ABCDEF"}) {
    dir.write(name, "");
  }
  remove_leftovers(dir.path(), /*exclusive=*/true);
  EXPECT_EQ(dir.names().size(), 5u);
}

TEST(FileLock, IsHeldByOneDescriptorUntilThatIsClosed) {
  const TempDir dir;
  const fs::path path = dir.write("file", "x");
  const int first = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  const int second = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  EXPECT_EQ(try_lock(first), LockState::kHeld);
  EXPECT_EQ(try_lock(second), LockState::kBusy);
  ::close(first);
  EXPECT_EQ(try_lock(second), LockState::kHeld);
  ::close(second);
}

}  // namespace
}  // namespace vdd
