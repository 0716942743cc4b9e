// SPDX-License-Identifier: Apache-2.0
#include "vdd/core/system.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <thread>

#include "support/temp_dir.h"

namespace vdd {
namespace {

TEST(System, MemoryFollowsWhatIsTouched) {
  constexpr std::int64_t kBytes = 64 << 20;
  const std::int64_t before = memory_bytes();
  void* block = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(block, MAP_FAILED);
  std::memset(block, 1, kBytes);
  EXPECT_GE(memory_bytes(), before + kBytes * 9 / 10);
  ::munmap(block, kBytes);
  EXPECT_LE(memory_bytes(), before + kBytes / 10);
  EXPECT_GE(peak_memory_bytes(), before + kBytes * 9 / 10);
  EXPECT_GT(available_memory_bytes(), 0);
  EXPECT_GT(total_memory_bytes(), available_memory_bytes());
}

TEST(System, FreeSpaceOfAPathThatDoesNotExistYet) {
  EXPECT_GT(free_disk_bytes("/"), 0);
  EXPECT_GT(free_disk_bytes("not/there/yet"), 0);
  EXPECT_GT(free_disk_bytes("/not/there/yet"), 0);
}

TEST(System, NamesThisProcess) {
  EXPECT_GE(available_cpus(), 1);
  EXPECT_LE(available_cpus(), static_cast<int>(std::thread::hardware_concurrency()));
  EXPECT_THAT(command_line().at(0), testing::HasSubstr("test_core"));
  EXPECT_THAT(utc_now(), testing::MatchesRegex("20..-..-..T..:..:..Z"));
  EXPECT_THAT(version(), testing::MatchesRegex("[0-9]+.[0-9]+.[0-9]+"));
  EXPECT_THAT(build_id(), testing::MatchesRegex("[0-9a-f]*"));
  EXPECT_THAT(build_id().size(), testing::AnyOf(0, 40));
  EXPECT_FALSE(host_name().empty());
}

TEST(System, MebibytesAreRoundedUp) {
  EXPECT_EQ(mebibytes(0), "0 MiB");
  EXPECT_EQ(mebibytes(1), "1 MiB");
  EXPECT_EQ(mebibytes(1 << 20), "1 MiB");
  EXPECT_EQ(mebibytes((1 << 20) + 1), "2 MiB");
}

TEST(System, AFolderThatIsStillToBeMadeLiesWhereItsParentDoes) {
  const test::TempDir folder;
  EXPECT_TRUE(same_file_system(folder / "a/b/c", folder.path()));
  EXPECT_FALSE(same_file_system(folder / "a", "/proc"));
}

}  // namespace
}  // namespace vdd
