// SPDX-License-Identifier: Apache-2.0
#include "vdd/train/student.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "support/temp_dir.h"
#include "vdd/core/log.h"
#include "vdd/tensor/random.h"

namespace vdd::train {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A teacher whose VAE has another scaling factor than the published one.
class StudentTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    shared_ = std::make_unique<test::TempDir>();
    RandomTeacherConfig config;
    config.vae.scaling_factor = 0.5;
    write_random_teacher(*shared_ / "teacher", config);
  }
  static void TearDownTestSuite() { shared_.reset(); }

  StudentTest() { config_.student.sigma = 3; }

  StudentInput input() const {
    return student_input(config_.student, teacher_, target_, torch::kCPU);
  }
  static Origin origin() {
    return {.program = "", .config = "", .model = *shared_ / "teacher", .data_hash = ""};
  }
  /// What loading the student of `folder` says on standard error.
  std::string said(const fs::path& folder) {
    config_.model.student = folder.string();
    testing::internal::CaptureStderr();
    load_student(config_, teacher_, torch::kCPU);
    log::flush();
    return testing::internal::GetCapturedStderr();
  }

  static std::unique_ptr<test::TempDir> shared_;
  test::TempDir folder_;
  DistillConfig config_;
  Teacher teacher_{pipeline::find_model(*shared_ / "teacher"), config_.teacher, "", torch::kCPU};
  const TeacherTarget target_{.rgb_latent_TChw = tensor::randn({2, 4, 2, 2}, 1),
                              .image_embeds_TD = tensor::randn({2, 32}, 2),
                              .noise_seed = 3};
};
std::unique_ptr<test::TempDir> StudentTest::shared_;

TEST_F(StudentTest, TheVideosLatentIsScaledAsTheVaeSaysUnlessTheConfigDoes) {
  const double root = std::sqrt(10);
  EXPECT_TRUE(torch::allclose(input().x_TChw, 0.5 * root * target_.rgb_latent_TChw));
  EXPECT_TRUE(torch::equal(input().conditioning.rgb_latent_TChw, target_.rgb_latent_TChw));
  EXPECT_EQ(student_model(config_, origin(), teacher_, folder_ / "step", 1).info.rgb_latent_scale,
            0.5);

  config_.student.rgb_latent_scale = 0.25;
  EXPECT_TRUE(torch::allclose(input().x_TChw, 0.25 * root * target_.rgb_latent_TChw));
  EXPECT_EQ(student_model(config_, origin(), teacher_, folder_ / "step", 1).info.rgb_latent_scale,
            0.25);
}

TEST_F(StudentTest, TheNoiseIsTheTeachersOwn) {
  config_.student.input = "noise";
  EXPECT_TRUE(torch::allclose(input().x_TChw, std::sqrt(10) * tensor::randn({2, 4, 2, 2}, 3)));
}

TEST_F(StudentTest, AStartThatKnowsAnotherInputIsAWarning) {
  const fs::path start = folder_ / "start";
  pipeline::DepthModel model = student_model(config_, origin(), teacher_, start, 1);
  model.unet = pipeline::load_unet(teacher_.folders().unet);
  pipeline::save_depth_model(start, model);
  EXPECT_THAT(said(start), IsEmpty());
  EXPECT_THAT(said(*shared_ / "teacher"), IsEmpty());

  config_.student.rgb_latent_scale = 0.25;
  EXPECT_THAT(said(start), HasSubstr("was trained with rgb_latent_scale 0.5, not 0.25"));
  config_.student.input = "noise";
  EXPECT_THAT(said(start), HasSubstr("was trained with student.input rgb_latent, not noise"));
}

}  // namespace
}  // namespace vdd::train
