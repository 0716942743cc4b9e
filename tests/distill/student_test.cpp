// SPDX-License-Identifier: Apache-2.0
#include "vdd/distill/student.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "support/temp_dir.h"
#include "vdd/core/log.h"
#include "vdd/core/random.h"
#include "vdd/tensor/random.h"

namespace vdd::distill {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A teacher whose VAE has another scaling factor than the published one.
class StudentTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    shared_ = std::make_unique<test::TempDir>();
    pipeline::RandomTeacherConfig config;
    config.vae.scaling_factor = 0.5;
    pipeline::write_random_teacher(*shared_ / "teacher", config);
  }
  static void TearDownTestSuite() { shared_.reset(); }

  StudentTest() { config_.student.sigma = 3; }

  StudentInput input() const {
    return student_input(config_.student, *teacher_, target_, torch::kCPU);
  }
  DistillerParts parts() {
    return {.targets = std::make_shared<ClipTargets>(config_, teacher_, nullptr),
            .teacher = *shared_ / "teacher",
            .setup = {}};
  }
  /// What loading the student of `folder` says on standard error.
  std::string said(const fs::path& folder) {
    config_.model.student = folder.string();
    testing::internal::CaptureStderr();
    load_student(config_, *teacher_, torch::kCPU);
    log::flush();
    return testing::internal::GetCapturedStderr();
  }

  static std::unique_ptr<test::TempDir> shared_;
  test::TempDir folder_;
  DistillConfig config_;
  std::shared_ptr<Teacher> teacher_ = std::make_shared<Teacher>(
      pipeline::find_model(*shared_ / "teacher"), config_.teacher, "", torch::kCPU);
  const TeacherTarget target_{.rgb_latent_TChw = tensor::randn({2, 4, 2, 2}, 1),
                              .image_embeds_TD = tensor::randn({2, 32}, 2),
                              .noise_seed = 3,
                              .teacher_latent_TChw = {}};
};
std::unique_ptr<test::TempDir> StudentTest::shared_;

TEST_F(StudentTest, TheVideosLatentIsScaledAsTheVaeSaysUnlessTheConfigDoes) {
  const double root = std::sqrt(10);
  EXPECT_TRUE(torch::allclose(input().x_TChw, 0.5 * root * target_.rgb_latent_TChw));
  EXPECT_TRUE(torch::equal(input().conditioning.rgb_latent_TChw, target_.rgb_latent_TChw));
  EXPECT_EQ(student_model(config_, parts(), folder_ / "step", 1).info.rgb_latent_scale, 0.5);

  config_.student.rgb_latent_scale = 0.25;
  EXPECT_TRUE(torch::allclose(input().x_TChw, 0.25 * root * target_.rgb_latent_TChw));
  EXPECT_EQ(student_model(config_, parts(), folder_ / "step", 1).info.rgb_latent_scale, 0.25);
}

TEST_F(StudentTest, TheNoiseIsTheTeachersOwn) {
  config_.student.input = pipeline::SamplerInput::kNoise;
  EXPECT_TRUE(torch::allclose(input().x_TChw, std::sqrt(10) * tensor::randn({2, 4, 2, 2}, 3)));
}

TEST_F(StudentTest, ManyStepsTrainOnTheTeachersLatentUnderNoiseOfOneOfItsLevels) {
  config_.train.seed = 7;
  TeacherTarget target = target_;
  target.teacher_latent_TChw = tensor::randn({2, 4, 2, 2}, 4);
  std::vector<std::int64_t> drawn(5, 0);
  for (std::int64_t n = 0; n < 60; ++n) {
    const StudentInput input = noised_target(config_, *teacher_, target, n, torch::kCPU);
    const auto level = Random(derive_seed(7, n, "level")).below(5);
    ++drawn[static_cast<std::size_t>(level)];
    // Five levels of Karras et al., rho 7, from 700 to 0.002.
    const double high = std::pow(700, 1.0 / 7), low = std::pow(0.002, 1.0 / 7);
    const double sigma = std::pow(high + static_cast<double>(level) / 4 * (low - high), 7);
    EXPECT_NEAR(input.sigma, sigma, 1e-5 * sigma);
    const torch::Tensor noise = tensor::randn({2, 4, 2, 2}, derive_seed(7, n, "level_noise"));
    EXPECT_TRUE(torch::allclose(input.x_TChw, target.teacher_latent_TChw + sigma * noise, 1e-4));
    EXPECT_TRUE(torch::equal(input.conditioning.rgb_latent_TChw, target.rgb_latent_TChw));
  }
  EXPECT_THAT(drawn, ::testing::Each(::testing::Gt(4))) << "of 12 expected";
}

TEST_F(StudentTest, AStartThatKnowsAnotherInputIsAWarning) {
  const fs::path start = folder_ / "start";
  pipeline::DepthModel model = student_model(config_, parts(), start, 1);
  model.unet = pipeline::load_unet(teacher_->folders().unet);
  pipeline::save_depth_model(start, model);
  EXPECT_THAT(said(start), IsEmpty());
  EXPECT_THAT(said(*shared_ / "teacher"), IsEmpty());

  config_.student.rgb_latent_scale = 0.25;
  EXPECT_THAT(said(start), HasSubstr("was trained with rgb_latent_scale 0.5, not 0.25"));
  config_.student.input = pipeline::SamplerInput::kNoise;
  EXPECT_THAT(said(start), HasSubstr("was trained with student.input rgb_latent, not noise"));
}

}  // namespace
}  // namespace vdd::distill
