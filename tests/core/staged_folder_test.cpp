// SPDX-License-Identifier: Apache-2.0
#include "vdd/core/staged_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>

#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/core/file_lock.h"
#include "vdd/core/files.h"
#include "vdd/core/text.h"

namespace vdd {
namespace {

namespace fs = std::filesystem;
using test::content;
using test::TempDir;
using test::thrown;
using testing::AnyOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;

const Replaceable kOurs{.marker = "mark", .names = {"old", "new"}, .inputs = {}};

TEST(StagedFolder, ShowsOnCommitOnly) {
  const TempDir dir;
  StagedFolder staged(dir / "deep/run/");
  write_file_atomic(staged.path() / "a", "1");
  fs::create_directory(staged.path() / "sub");
  write_file_atomic(staged.path() / "sub/b", "2");
  EXPECT_FALSE(fs::exists(dir / "deep/run"));
  staged.commit();
  EXPECT_EQ(content(dir / "deep/run/a"), "1");
  EXPECT_EQ(content(dir / "deep/run/sub/b"), "2");
  EXPECT_EQ(std::distance(fs::directory_iterator(dir / "deep"), {}), 1);
}

TEST(StagedFolder, UncommittedIsRemoved) {
  const TempDir dir;
  {
    StagedFolder staged(dir / "run");
    write_file_atomic(staged.path() / "a", "1");
  }
  EXPECT_THAT(dir.names(), ElementsAre());
}

TEST(StagedFolder, RemovesWhatAKilledProcessLeftAndNothingElse) {
  const TempDir dir;
  dir.write(".tmp-run-0123456789abcdef/half", "x");
  dir.write(".tmp-other-0123456789abcdef/half", "x");
  dir.write(".tmp-run-of-mine/notes", "x");
  const StagedFolder first(dir / "run");
  EXPECT_FALSE(fs::exists(dir / ".tmp-run-0123456789abcdef"));
  EXPECT_TRUE(fs::exists(dir / ".tmp-other-0123456789abcdef"));
  EXPECT_TRUE(fs::exists(dir / ".tmp-run-of-mine/notes"));
  const StagedFolder second(dir / "run");
  EXPECT_TRUE(fs::exists(first.path()));  // at work
}

TEST(StagedFolder, RefusesWhatExistsAtTheStartAndAtTheEnd) {
  const TempDir dir;
  StagedFolder late(dir / "run");
  fs::create_directory(dir / "run");
  write_file_atomic(dir / "run/mine", "x");
  EXPECT_THAT(thrown<ConfigError>([&] { StagedFolder early(dir / "run"); }),
              EndsWith("already exists"));
  EXPECT_THAT(thrown<ConfigError>([&] { late.commit(); }), EndsWith("already exists"));
  EXPECT_EQ(content(dir / "run/mine"), "x");
}

TEST(StagedFolder, TheFirstOfTwoEqualFoldersIsKept) {
  const TempDir dir;
  {
    StagedFolder first(dir / "run", StagedFolder::Existing::kKeepFirst);
    StagedFolder second(dir / "run", StagedFolder::Existing::kKeepFirst);
    write_file_atomic(first.path() / "a", "first");
    write_file_atomic(second.path() / "a", "second");
    first.commit();
    second.commit();
  }
  EXPECT_EQ(content(dir / "run/a"), "first");
  EXPECT_THAT(dir.names(), ElementsAre("run"));
}

TEST(StagedFolder, ReplacesAsAWholeWhatItsProgramWrote) {
  const TempDir dir;
  dir.write("run/old", "x");
  dir.write("run/mark", "");
  StagedFolder staged(dir / "run", kOurs);
  write_file_atomic(staged.path() / "new", "y");
  EXPECT_TRUE(fs::exists(dir / "run/old"));
  staged.commit();
  EXPECT_EQ(content(dir / "run/new"), "y");
  EXPECT_FALSE(fs::exists(dir / "run/old"));
  EXPECT_THAT(dir.names(), ElementsAre("run"));
}

TEST(StagedFolder, ReplaceAlsoMakesWhatIsNotThereAndFillsWhatIsEmpty) {
  const TempDir dir;
  StagedFolder(dir / "run", kOurs).commit();
  StagedFolder again(dir / "run", kOurs);
  write_file_atomic(again.path() / "new", "y");
  again.commit();
  EXPECT_EQ(content(dir / "run/new"), "y");
  EXPECT_THAT(dir.names(), ElementsAre("run"));
}

TEST(StagedFolder, ReplacesNothingThatItsProgramDidNotWrite) {
  const TempDir dir;
  dir.write("frames/1.png", "x");
  dir.write("unmarked/old", "x");
  dir.write("mixed/mark", "");
  dir.write("mixed/notes.txt", "x");
  dir.write("file", "x");
  fs::create_directory_symlink("unmarked", dir / "link");
  fs::create_directories(dir / "folder/mark");
  for (const auto& [name, reason] :
       {std::pair("frames", "it holds 1.png"), std::pair("unmarked", "it has no mark"),
        std::pair("mixed", "it holds notes.txt"), std::pair("file", "it is no folder"),
        std::pair("link", "it is no folder"), std::pair("folder", "it has no mark")}) {
    EXPECT_THAT(thrown<ConfigError>([&] { StagedFolder staged(dir / name, kOurs); }),
                HasSubstr(concat(name, ": is not replaced: ", reason)));
  }
  EXPECT_EQ(content(dir / "mixed/notes.txt"), "x");
}

TEST(StagedFolder, WhatCameToTheNameMeanwhileIsNotReplacedEither) {
  const TempDir dir;
  StagedFolder staged(dir / "run", kOurs);
  dir.write("run/mine", "x");
  EXPECT_THAT(thrown<ConfigError>([&] { staged.commit(); }), HasSubstr("it holds mine"));
  EXPECT_EQ(content(dir / "run/mine"), "x");
}

TEST(StagedFolder, ReplacesNothingThatIsHoldsOrLiesInAnInput) {
  const TempDir dir;
  dir.write("data/run/mark", "");
  dir.write("data/run/old/frame", "");
  dir.write("data/runs", "");
  fs::create_directory_symlink("data", dir / "link");
  for (const auto& [input, relation] :
       {std::pair("data/run", "it is the input"), std::pair("link/run", "it is the input"),
        std::pair("data/run/old", "it holds the input"), std::pair("data", "it lies in the input"),
        std::pair("link", "it lies in the input")}) {
    Replaceable rule = kOurs;
    rule.inputs = {dir / "absent", dir / input};
    EXPECT_THAT(thrown<ConfigError>([&] { require_replaceable(dir / "data/run", rule); }),
                HasSubstr(relation))
        << input;
  }
  Replaceable apart = kOurs;
  apart.inputs = {dir / "data/runs"};
  require_replaceable(dir / "data/run", apart);
}

TEST(StagedFolder, ReplacesNothingThatALinkInAnInputLeadsTo) {
  const TempDir dir;
  dir.write("out/mark", "");
  dir.write("out/old/depth.png", "");
  fs::create_directory(dir / "frames");
  fs::create_symlink("../out/old/depth.png", dir / "frames/0.png");
  Replaceable rule = kOurs;
  rule.inputs = {dir / "frames"};
  EXPECT_THAT(thrown<ConfigError>([&] { require_replaceable(dir / "out", rule); }),
              HasSubstr("it holds the input"));
}

TEST(StagedFolder, LongNamesThatStartAlikeAreToldApart) {
  const TempDir dir;
  const auto start = [&](char last) {
    const StagedFolder staged(dir / (std::string(220, 'a') + last));
    const std::string name = staged.path().filename();
    EXPECT_LE(name.size(), 255u);
    return name.substr(0, name.rfind('-'));
  };
  EXPECT_EQ(start('1'), start('1'));
  EXPECT_NE(start('1'), start('2'));
}

TEST(StagedFolder, TheFolderItselfMayBeNamedByADot) {
  const TempDir dir;
  fs::create_directories(dir / "empty");
  StagedFolder staged(dir / "empty/.", Replaceable{});
  write_file_atomic(staged.path() / "a", "1");
  staged.commit();
  EXPECT_EQ(content(dir / "empty/a"), "1");
  EXPECT_THAT(dir.names(), ElementsAre("empty"));
}

TEST(Leftovers, WhatNobodyHoldsGoes) {
  const TempDir dir;
  dir.write(".tmp-a.json-0123456789abcdef", "x");
  dir.write(".tmp-teacher-0123456789abcdef/half", "x");
  dir.write(".tmp-notes", "x");
  dir.write(".tmp-old-fade/x", "x");
  dir.write("a.json", "x");
  FileWriter file(dir / "b");
  StagedFolder folder(dir / "c");
  remove_leftovers(dir.path());
  EXPECT_FALSE(fs::exists(dir / ".tmp-a.json-0123456789abcdef"));
  EXPECT_FALSE(fs::exists(dir / ".tmp-teacher-0123456789abcdef"));
  EXPECT_TRUE(fs::exists(dir / ".tmp-notes"));
  file.commit();
  folder.commit();
  EXPECT_THAT(dir.names(),
              testing::UnorderedElementsAre(".tmp-notes", ".tmp-old-fade", "a.json", "b", "c"));
  remove_leftovers(dir / "absent");
}

/// A process that puts folders in place while its storage calls fail.
class StorageFaults : public testing::Test {
 protected:
  void SetUp() override {
    if (run("strace -qq -o /dev/null true 2>/dev/null") != 0)
      GTEST_SKIP() << "no strace, or it may not trace";
  }
  static int run(const std::string& command) {
    const int status = std::system(command.c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  /// Runs the victim with `faults` injected; its exit status (137: killed).
  int victim(const std::string& arguments, const std::vector<std::string>& faults = {}) {
    std::string command = concat("strace -f -qq -o ", (dir_ / "trace").string());
    for (const std::string& fault : faults) command += concat(" -e inject=", fault);
    return run(concat(faults.empty() ? "" : command + ' ', VDD_BIN_DIR "/staged_victim ",
                      (dir_ / "out/run").string(), ' ', arguments, " 2>/dev/null"));
  }
  std::vector<std::string> names(const fs::path& folder) const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(dir_ / folder))
      found.push_back(entry.path().filename());
    return found;
  }

  TempDir dir_;
};

TEST_F(StorageFaults, FoldersArePutInPlaceWhereRenamesKnowNoFlags) {
  for (const char* error : {"EINVAL", "ENOSYS"}) {
    fs::remove_all(dir_ / "out");
    const std::vector<std::string> faults = {concat("renameat2:error=", error),
                                             "flock:error=ENOLCK"};
    EXPECT_EQ(victim("first", faults), 0);
    EXPECT_EQ(content(dir_ / "out/run/first"), "first");
    EXPECT_EQ(victim("second", faults), 2);
    EXPECT_EQ(victim("second --replace", faults), 0);
    EXPECT_EQ(content(dir_ / "out/run/second"), "second");
    EXPECT_FALSE(fs::exists(dir_ / "out/run/first"));
    EXPECT_THAT(names("out"), ElementsAre("run"));
  }
}

TEST_F(StorageFaults, AKillBetweenTwoPlainRenamesLeavesAFolderThatTheNextStartCompletes) {
  bool in_between = false;
  for (int k = 1;; ++k) {
    fs::remove_all(dir_ / "out");
    ASSERT_EQ(victim("old"), 0);
    const int status = victim("new --replace",
                              {"renameat2:error=EINVAL", concat("rename:signal=SIGKILL:when=", k)});
    if (status == 0) break;
    ASSERT_EQ(status, 137);
    in_between = in_between || !fs::exists(dir_ / "out/run");
    EXPECT_EQ(victim("third"), 2);  // there is a folder, and a plain start refuses it
    EXPECT_THAT(names("out/run"), AnyOf(testing::UnorderedElementsAre("old", "mark"),
                                        testing::UnorderedElementsAre("new", "mark")));
    EXPECT_EQ(victim("third --replace"), 0);
    EXPECT_THAT(names("out"), ElementsAre("run"));
    ASSERT_LT(k, 50);
  }
  EXPECT_TRUE(in_between);
}

TEST_F(StorageFaults, AFailedSecondRenameBringsTheOldFolderBack) {
  ASSERT_EQ(victim("old"), 0);
  // The two files of the new folder, the old folder aside, then the new one.
  EXPECT_EQ(victim("new --replace", {"renameat2:error=EINVAL", "rename:error=EIO:when=4"}), 4);
  EXPECT_THAT(names("out/run"), testing::UnorderedElementsAre("old", "mark"));
  EXPECT_THAT(names("out"), ElementsAre("run"));
}

TEST_F(StorageFaults, FoldersThatCannotBeSyncedAreTakenAsTheyAre) {
  // Two files and their folder twice, both files again; then the new folder and the one above.
  EXPECT_EQ(victim("first", {"fsync:error=EINVAL:when=7+"}), 0);
  EXPECT_EQ(content(dir_ / "out/run/first"), "first");
}

TEST(Storage, ATrialLeavesNothing) {
  const TempDir dir;
  dir.write("trial/mine", "");
  const StorageTraits traits = try_storage(dir.path());
  EXPECT_TRUE(traits.rename_flags);
  EXPECT_TRUE(traits.locks);
  EXPECT_THAT(dir.names(), ElementsAre("trial"));
  EXPECT_THAT(thrown<ResourceError>([&] { try_storage("/proc/self"); }),
              HasSubstr("cannot be made"));
}

}  // namespace
}  // namespace vdd
