// SPDX-License-Identifier: Apache-2.0
#include "vdd/teach/train_teacher_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/field_count.h"

namespace vdd::teach {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(TrainTeacherConfig, ListsEveryField) {
  EXPECT_EQ(
      test::listed_fields<TrainTeacherConfig>(),
      test::count_members<TrainTeacherConfig>() - 1 + test::count_members<train::TrainingConfig>());
  EXPECT_EQ(test::listed_fields<TeacherModelConfig>(), test::count_members<TeacherModelConfig>());
  EXPECT_EQ(test::listed_fields<NoiseConfig>(), test::count_members<NoiseConfig>());
}

TEST(TrainTeacherConfig, StartsFromAModelOrFromAVae) {
  TrainTeacherConfig config;
  config.model.vae = "vae";
  EXPECT_THAT(config.check(), IsEmpty());
  config.model.init = "model";
  EXPECT_THAT(config.check(), Contains(HasSubstr("exactly one of them")));
  config.model = {.init = "", .unet = "unet", .vae = "vae"};
  EXPECT_THAT(config.check(), Contains(HasSubstr("needs model.init")));
}

TEST(TrainTeacherConfig, ClipsThatGoTogetherHaveOneLength) {
  TrainTeacherConfig config;
  config.model.vae = "vae";
  config.batch = 2;
  EXPECT_THAT(config.check(), IsEmpty());
  config.data.frames_min = config.data.frames;
  EXPECT_THAT(config.check(), IsEmpty());
  config.data.frames_min = 1;
  EXPECT_THAT(config.check(), Contains(HasSubstr("batch: must be 1")));
  config.batch = 1;
  EXPECT_THAT(config.check(), IsEmpty());
}

TEST(TrainTeacherConfig, LevelsOfUnrolledSamplesRise) {
  TrainTeacherConfig config;
  config.model.vae = "vae";
  config.noise.unroll_sigma = {5, 0.3};
  EXPECT_THAT(config.check(), Contains(HasSubstr("noise.unroll_sigma: the lowest level")));
}

}  // namespace
}  // namespace vdd::teach
