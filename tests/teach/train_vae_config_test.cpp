// SPDX-License-Identifier: Apache-2.0
#include "vdd/teach/train_vae_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/field_count.h"

namespace vdd::teach {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(TrainVaeConfig, ListsEveryField) {
  EXPECT_EQ(
      test::listed_fields<TrainVaeConfig>(),
      test::count_members<TrainVaeConfig>() - 1 + test::count_members<train::TrainingConfig>());
  EXPECT_EQ(test::listed_fields<VaeModelConfig>(), test::count_members<VaeModelConfig>());
  EXPECT_EQ(test::listed_fields<CropConfig>(), test::count_members<CropConfig>());
}

TEST(TrainVaeConfig, CropsFitTheVaeAndThePicture) {
  TrainVaeConfig config;
  EXPECT_THAT(config.check(), IsEmpty());
  config.crops.size = 60;
  EXPECT_THAT(config.check(), ElementsAre(HasSubstr("multiple of the VAE's scale, 8, got 60")));
  config.crops.size = 64;
  config.model.teacher = "teacher";
  EXPECT_THAT(config.check(), ElementsAre(HasSubstr("model.teacher: needs model.init")));
  config.model.teacher = "";
  config.crops.size = 512;
  EXPECT_THAT(config.check(), ElementsAre(HasSubstr("crops.size: must not exceed")));
}

}  // namespace
}  // namespace vdd::teach
