// SPDX-License-Identifier: Apache-2.0
#include "vdd/train/validation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "support/temp_dir.h"

namespace vdd::train {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

TEST(Validation, APictureThatCannotBeWrittenIsNoted) {
  const test::TempDir folder;
  const run::RunDir run(folder / "run", run::RunMode::kNew);
  const std::vector<io::PictureRow> rows = {{"RGB", io::RowKind::kRgb, torch::zeros({2, 3, 8, 8})}};
  ValidationResult result;
  add_picture(result, run, 4, 0, rows, 2);
  EXPECT_EQ(result.picture_problem, "");
  ASSERT_EQ(result.pictures.size(), 1U);
  EXPECT_EQ(result.pictures[0].first, "valid/clip0");
  EXPECT_TRUE(fs::is_regular_file(folder / "run/samples/step-000004-clip0.png"));

  fs::remove_all(folder / "run/samples");
  add_picture(result, run, 5, 1, rows, 2);
  EXPECT_THAT(result.picture_problem, HasSubstr("step-000005-clip1.png"));
  EXPECT_EQ(result.pictures.size(), 1U);
}

}  // namespace
}  // namespace vdd::train
