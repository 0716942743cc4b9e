// SPDX-License-Identifier: Apache-2.0
#include "disk_space.h"

#include <gtest/gtest.h>

#include "support/temp_dir.h"

namespace vdd::train {
namespace {

TEST(DiskSpace, MebibytesAreRoundedUp) {
  EXPECT_EQ(mebibytes(0), "0 MiB");
  EXPECT_EQ(mebibytes(1), "1 MiB");
  EXPECT_EQ(mebibytes(1 << 20), "1 MiB");
  EXPECT_EQ(mebibytes((1 << 20) + 1), "2 MiB");
}

TEST(DiskSpace, AFolderThatIsStillToBeMadeLiesWhereItsParentDoes) {
  const test::TempDir folder;
  EXPECT_TRUE(same_file_system(folder / "a/b/c", folder.path()));
  EXPECT_FALSE(same_file_system(folder / "a", "/proc"));
}

}  // namespace
}  // namespace vdd::train
