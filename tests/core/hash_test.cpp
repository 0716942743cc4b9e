// SPDX-License-Identifier: Apache-2.0
#include "vdd/core/hash.h"

#include <gtest/gtest.h>

#include "support/temp_dir.h"
#include "vdd/core/error.h"

namespace vdd {
namespace {

// Expected values: FIPS 180-4 example vectors.
constexpr std::string_view kEmpty =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr std::string_view kAbc =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr std::string_view kMillion =
    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

TEST(Sha256, GivesThePublishedDigests) {
  EXPECT_EQ(sha256_hex(""), kEmpty);
  EXPECT_EQ(sha256_hex("abc"), kAbc);
  EXPECT_EQ(sha256_hex(std::string(1'000'000, 'a')), kMillion);
}

TEST(Sha256, DoesNotDependOnHowTheStreamIsCut) {
  Sha256 hash;
  for (const char c : std::string("abc")) hash.update(&c, 1);
  EXPECT_EQ(hash.hex(), kAbc);
}

TEST(Sha256, OfAFileIsThatOfItsBytes) {
  const test::TempDir folder;
  EXPECT_EQ(sha256_file(folder.write("empty", "")), kEmpty);
  EXPECT_EQ(sha256_file(folder.write("million", std::string(1'000'000, 'a'))), kMillion);
  EXPECT_THROW(sha256_file(folder / "missing"), DataError);
}

}  // namespace
}  // namespace vdd
