// SPDX-License-Identifier: Apache-2.0
#include "vdd/core/error.h"

#include <gtest/gtest.h>

namespace vdd {
namespace {

TEST(Error, EachKindHasItsExitCode) {
  EXPECT_EQ(Error("x").code(), ExitCode::kFailed);
  EXPECT_EQ(ConfigError("x").code(), ExitCode::kUsage);
  EXPECT_EQ(DataError("f", "x").code(), ExitCode::kData);
  EXPECT_EQ(ShapeError("x").code(), ExitCode::kData);
  EXPECT_EQ(ResourceError("x").code(), ExitCode::kResources);
  EXPECT_EQ(NonFiniteError("x").code(), ExitCode::kNonFinite);
  EXPECT_EQ(VerificationError("x").code(), ExitCode::kVerification);
  EXPECT_EQ(static_cast<int>(ExitCode::kResumable), 75);
  EXPECT_EQ(static_cast<int>(ExitCode::kInterrupted), 130);
}

TEST(DataError, NamesFilePlaceAndReason) {
  EXPECT_STREQ(DataError("a/b.png", "is empty").what(), "a/b.png: is empty");
  EXPECT_STREQ(DataError("a.safetensors", "conv.weight", "is cut").what(),
               "a.safetensors: conv.weight: is cut");
}

TEST(DataError, CannotWriteControlCharactersToATerminal) {
  EXPECT_STREQ(DataError("a\x1B[31m", "t\n", "r\r").what(), "a\\x1b[31m: t\\n: r\\x0d");
  EXPECT_LT(
      std::string(DataError("f", std::string(9000, 't'), std::string(9000, 'r')).what()).size(),
      1300u);
}

}  // namespace
}  // namespace vdd
