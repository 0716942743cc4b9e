// SPDX-License-Identifier: Apache-2.0
#include "vdd/predict/raw_scratch.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/tensor/random.h"

namespace vdd::predict {
namespace {

TEST(RawScratch, GivesBackEveryFrameAndTheRangeOfAll) {
  const test::TempDir folder;
  RawScratch scratch(folder.path(), 5, 3, 4);
  const torch::Tensor raw = tensor::randn({5, 3, 4}, 1);
  scratch.append(raw.slice(0, 0, 3));
  scratch.append(raw.slice(0, 3));
  EXPECT_EQ(scratch.frames(), 5);
  EXPECT_EQ(scratch.range().low, raw.min().item<float>());
  EXPECT_EQ(scratch.range().high, raw.max().item<float>());
  for (const std::int64_t t : {4, 0, 2})
    EXPECT_TRUE(torch::equal(scratch.read(t), raw.slice(0, t, t + 1))) << t;
}

TEST(RawScratch, LeavesNothingEvenIfTheProgramIsKilled) {
  const test::TempDir folder;
  RawScratch scratch(folder.path(), 2, 3, 4);
  scratch.append(torch::ones({1, 3, 4}));
  EXPECT_TRUE(folder.names().empty());
}

TEST(RawScratch, AsksForTheDiskBeforeTheWork) {
  const test::TempDir folder;
  test::thrown<ResourceError>(
      [&] { RawScratch(folder.path(), std::int64_t{1} << 40, 1024, 1024); });
  test::thrown<ResourceError>([&] { RawScratch(folder / "gone", 1, 3, 4); });
}

}  // namespace
}  // namespace vdd::predict
