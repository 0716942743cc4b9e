// SPDX-License-Identifier: Apache-2.0
#include "vdd/distill/distill_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/field_count.h"
#include "vdd/distill/distill_unet.h"

namespace vdd::distill {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(DistillDecoderConfig, EveryFieldIsListed) {
  EXPECT_EQ(test::listed_fields<HeadConfig>(), test::count_members<HeadConfig>());
  EXPECT_EQ(test::listed_fields<TeacherConfig>(), test::count_members<TeacherConfig>());
  EXPECT_EQ(test::listed_fields<DistillConfig>(), test::count_members<DistillConfig>() - 1 +
                                                      test::count_members<train::TrainingConfig>());
  // The base counts as one member.
  const std::size_t shared = test::listed_fields<DistillConfig>() - 1;
  EXPECT_EQ(test::listed_fields<DistillUnetConfig>(),
            test::count_members<DistillUnetConfig>() + shared);
  EXPECT_EQ(test::listed_fields<DistillDecoderConfig>(),
            test::count_members<DistillDecoderConfig>() + shared);
}

TEST(DistillDecoderConfig, PairsMustFitTheImageAndEachOther) {
  DistillDecoderConfig config;
  EXPECT_THAT(config.check(), IsEmpty());
  config.loss.affinity.pairs.push_back({.student = "path_3", .pool = 32});
  EXPECT_THAT(config.check(), ElementsAre(HasSubstr("two pairs of different pool")));
  config.loss.affinity.pairs = {{.pool = 48}};
  EXPECT_THAT(config.check(), ElementsAre(HasSubstr("does not divide")));
  config.loss.affinity.pairs.clear();
  EXPECT_THAT(config.check(), ElementsAre(HasSubstr("none, but the weight is not 0")));
  config.loss.weights.affinity = 0;
  EXPECT_THAT(config.check(), IsEmpty());
}

TEST(DistillDecoderConfig, ManyStepsAreForStageOneAndForAStudentOfNoise) {
  DistillUnetConfig unet;
  unet.student.forward = StudentForward::kMultiStep;
  EXPECT_THAT(unet.check(), ElementsAre(HasSubstr("student.forward: multi_step needs")));
  unet.student.input = pipeline::SamplerInput::kNoise;
  EXPECT_THAT(unet.check(), IsEmpty());
  DistillDecoderConfig decoder;
  decoder.student = unet.student;
  EXPECT_THAT(decoder.check(), ElementsAre(HasSubstr("student.forward: stage 2")));
}

TEST(DistillDecoderConfig, RulesOfBothStagesHold) {
  DistillDecoderConfig config;
  config.model.teacher_unet = "unet";
  EXPECT_THAT(config.check(), ElementsAre(HasSubstr("model.teacher_unet")));
}

}  // namespace
}  // namespace vdd::distill
