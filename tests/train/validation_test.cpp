// SPDX-License-Identifier: Apache-2.0
#include "vdd/train/validation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "data/make_scenes.h"
#include "support/temp_dir.h"
#include "vdd/core/log.h"
#include "vdd/core/text.h"

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

TEST(Validation, DoesWithoutTheDepthThatTheTrainingDoesNotNeed) {
  const test::TempDir folder;
  for (const char* scene : {"Scene01", "Scene02"}) {
    data::test::write_vkitti(folder / "vkitti2", {.scene = scene, .frames = 2});
  }
  data::test::write_hypersim(folder / "hypersim", {.frames = 2});
  data::DataConfig config;
  config.root = folder.path().string();
  config.frames = 2;
  config.height = config.width = 64;
  const auto first_clip = [&] {
    const ValidationData found = validation_data({}, config, 0);
    return found.dataset->load(found.seed, 0);
  };
  EXPECT_TRUE(first_clip().depth_THW.defined());

  fs::remove(folder / "hypersim/metadata_camera_parameters.csv");
  fs::remove_all(folder / "vkitti2/Scene01/clone/frames/depth");
  fs::remove_all(folder / "vkitti2/Scene02/clone/frames/depth");
  testing::internal::CaptureStderr();
  const data::Clip clip = first_clip();
  log::flush();
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              HasSubstr(concat("validation.depth: no true depth to compare with: ",
                               (folder / "hypersim").string(), ": metadata_camera")));
  EXPECT_THAT(clip.source_id, HasSubstr("vkitti2/Scene01/")) << "held out all the same";
  EXPECT_FALSE(clip.depth_THW.defined());
  config.rgb_only = false;
  EXPECT_THROW(first_clip(), DataError) << "a training that needs depth";
}

}  // namespace
}  // namespace vdd::train
