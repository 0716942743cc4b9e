// SPDX-License-Identifier: Apache-2.0
#include "vdd/teach/train_teacher.h"

#include <gtest/gtest.h>

#include <cmath>

#include "support/temp_dir.h"
#include "vdd/pipeline/sampling.h"
#include "vdd/tensor/random.h"

namespace vdd::teach {
namespace {

using test::TempDir;

data::Clip clip_with_depth() {
  data::Clip clip;
  clip.rgb_TCHW = tensor::randn({2, 3, 64, 64}, 1).clamp(-1, 1);
  clip.disparity_THW = tensor::randn({2, 64, 64}, 2).sigmoid();
  return clip;
}

class TeacherTaskTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    shared_ = std::make_unique<TempDir>();
    pipeline::write_random_teacher(*shared_ / "teacher", {});
  }
  static void TearDownTestSuite() { shared_.reset(); }
  static pipeline::DepthModel model() {
    return pipeline::load_depth_model({.model = *shared_ / "teacher"});
  }
  TeacherTask task() { return {config_, model(), *shared_ / "teacher", {}}; }

  /// U for the noisy latent x of level s, with the literal scalings and ids.
  static torch::Tensor unet_output(pipeline::DepthModel& parts,
                                   const distill::TeacherTarget& target, const torch::Tensor& x,
                                   double s) {
    return parts
        .unet(torch::cat({x / std::sqrt(s * s + 1), target.rgb_latent_TChw}, 1).unsqueeze(0),
              torch::tensor(0.25 * std::log(s)), target.image_embeds_TD.unsqueeze(0),
              torch::tensor({{7.0, 127.0, 0.02}}))
        .squeeze(0);
  }

  static std::unique_ptr<TempDir> shared_;
  TempDir folder_;
  TrainTeacherConfig config_;
};
std::unique_ptr<TempDir> TeacherTaskTest::shared_;

TEST(Velocity, IsWhatThePreconditioningTurnsIntoTheLatent) {
  const torch::Tensor z = tensor::randn({2, 4, 3, 3}, 1).to(torch::kDouble);
  const torch::Tensor noise = tensor::randn({2, 4, 3, 3}, 2).to(torch::kDouble);
  for (const double sigma : {0.002, 0.7, 700.0}) {
    const auto p = diffusion::precondition(sigma);
    const torch::Tensor x = z + sigma * noise;
    const torch::Tensor denoised = p.c_skip * x + p.c_out * velocity(z, noise, sigma);
    EXPECT_LT((denoised - z).abs().max().item<double>(), 1e-9) << sigma;
  }
}

TEST(Velocity, ItsErrorIsThatOfTheLatentInTheWeightingOfEdm) {
  const torch::Tensor z = tensor::randn({1, 4, 3, 3}, 1).to(torch::kDouble);
  const torch::Tensor noise = tensor::randn({1, 4, 3, 3}, 2).to(torch::kDouble);
  const torch::Tensor u = tensor::randn({1, 4, 3, 3}, 3).to(torch::kDouble);
  const double sigma = 0.4;
  const auto p = diffusion::precondition(sigma);
  const torch::Tensor denoised = p.c_skip * (z + sigma * noise) + p.c_out * u;
  const double weight = (sigma * sigma + 1) / (sigma * sigma);  // sigma_data = 1
  EXPECT_NEAR((u - velocity(z, noise, sigma)).square().mean().item<double>(),
              weight * (denoised - z).square().mean().item<double>(), 1e-10);
}

TEST(DrawNoise, LogSigmaIsNormal) {
  const NoiseConfig config;
  constexpr int kDraws = 4000;
  double sum = 0, squares = 0;
  for (int n = 0; n < kDraws; ++n) {
    const double x = std::log(draw_noise(config, 5, n).sigma);
    sum += x, squares += x * x;
  }
  const double mean = sum / kDraws, std = std::sqrt(squares / kDraws - mean * mean);
  EXPECT_NEAR(mean, 0.7, 4 * 1.6 / std::sqrt(kDraws));
  EXPECT_NEAR(std, 1.6, 4 * 1.6 / std::sqrt(2 * kDraws));
}

TEST(DrawNoise, UnrollsAShareOfTheLevelsInRange) {
  NoiseConfig config;
  config.unroll = 0.25;
  constexpr int kDraws = 4000;
  int in_range = 0, unrolled = 0;
  for (int n = 0; n < kDraws; ++n) {
    const NoiseDraw draw = draw_noise(config, 5, n);
    const bool inside = draw.sigma >= 0.3 && draw.sigma <= 5;
    EXPECT_TRUE(inside || !draw.unroll) << draw.sigma;
    in_range += inside, unrolled += draw.unroll;
  }
  ASSERT_GT(in_range, 1000);
  EXPECT_NEAR(unrolled, 0.25 * in_range, 4 * std::sqrt(0.25 * 0.75 * in_range));
}

TEST_F(TeacherTaskTest, AnUnrolledSampleIsDenoisedFromTheOwnEstimateToTheTruth) {
  config_.noise.unroll = 1;
  config_.noise.unroll_sigma = {1e-3, 1e3};
  const data::Clip clip = clip_with_depth();
  const double found = task().step(clip, 3).loss.total.item<double>();

  auto parts = model();
  const NoiseDraw draw = draw_noise(config_.noise, 0, 3);
  ASSERT_TRUE(draw.unroll);
  const distill::TeacherTarget target =
      DepthTargets(config_, parts, nullptr, "", torch::kCPU).get(clip, 3);
  const torch::Tensor z = target.teacher_latent_TChw;
  const torch::Tensor noise = tensor::randn(z.sizes(), draw.seed);
  const auto denoised = [&](const torch::Tensor& x, double s) {
    return x / (s * s + 1) - s / std::sqrt(s * s + 1) * unet_output(parts, target, x, s);
  };
  const torch::Tensor estimate = denoised(std::sqrt(700.0 * 700 + 1) * noise, 700);
  const double s = draw.sigma;
  const double weight = (s * s + 1) / (s * s);  // EDM's
  const double expected =
      weight * (denoised(estimate + s * noise, s) - z).square().mean().item<double>();
  EXPECT_NEAR(found, expected, 1e-3 * expected);
}

TEST_F(TeacherTaskTest, TheLossIsTheErrorOfTheUNetOnTheNoisyLatent) {
  const data::Clip clip = clip_with_depth();
  const train::SampleLoss sample = task().step(clip, 3);

  auto parts = model();
  const NoiseDraw draw = draw_noise(config_.noise, 0, 3);
  EXPECT_EQ(sample.noise_seed, static_cast<std::int64_t>(draw.seed));
  const distill::TeacherTarget target =
      DepthTargets(config_, parts, nullptr, "", torch::kCPU).get(clip, 3);
  const torch::Tensor z = target.teacher_latent_TChw;
  const torch::Tensor noise = tensor::randn(z.sizes(), draw.seed);
  const double s = draw.sigma, root = std::sqrt(s * s + 1);
  const torch::Tensor u = unet_output(parts, target, z + s * noise, s);
  const double expected = (u - (noise - s * z) / root).square().mean().item<double>();
  EXPECT_NEAR(sample.loss.total.item<double>(), expected, 1e-4 * expected);
}

TEST_F(TeacherTaskTest, WeightsOfChannelsAreSharesOfTheirMean) {
  const data::Clip clip = clip_with_depth();
  const auto loss = [&](std::vector<double> weights) {
    config_.latent_weights = std::move(weights);
    return task().step(clip, 3).loss.total.item<double>();
  };
  const double equal = loss({}), first = loss({4, 0, 0, 0}), second = loss({0, 4, 0, 0});
  const double third = loss({0, 0, 4, 0}), fourth = loss({0, 0, 0, 4});
  EXPECT_NEAR((first + second + third + fourth) / 4, equal, 1e-5 * equal);
  EXPECT_NEAR(loss({2, 2, 2, 2}), equal, 1e-6 * equal);
  const double expected = (6 * first + 2 * second) / 8;
  EXPECT_NEAR(loss({3, 1, 0, 0}), expected, 1e-5 * expected);
  EXPECT_THROW(loss({1, 1}), ConfigError);
}

TEST_F(TeacherTaskTest, ClipsThatAreRunTogetherHaveTheLossesAndGradientsOfEachAlone) {
  std::vector<data::Clip> clips{clip_with_depth(), clip_with_depth(), clip_with_depth()};
  clips[1].rgb_TCHW = -clips[1].rgb_TCHW;
  clips[2].disparity_THW = 1 - clips[2].disparity_THW;
  auto parts = model();
  parts.unet->to(torch::kFloat64);  // kernels round differently for other batch sizes
  TeacherTask teacher(config_, std::move(parts), "", {});
  const auto gradients = [&](const torch::Tensor& loss) {
    std::vector<torch::Tensor> weights;
    for (const auto& [name, weight] : teacher.selection().trained()) weights.push_back(weight);
    return torch::autograd::grad({loss}, weights);
  };

  torch::Tensor sum = torch::zeros({});
  std::vector<double> alone;
  for (const data::Clip& clip : clips) {
    const torch::Tensor loss = teacher.step(clip, 4 + std::ssize(alone)).loss.total;
    alone.push_back(loss.item<double>());
    sum = sum + loss;
  }
  const auto expected = gradients(sum);

  const auto together = teacher.steps(clips, 4);
  ASSERT_EQ(together.size(), 3u);
  sum = torch::zeros({});
  for (std::size_t b = 0; b < together.size(); ++b) {
    EXPECT_NEAR(together[b].loss.total.item<double>(), alone[b], 1e-5 * alone[b]);
    EXPECT_EQ(together[b].noise_seed,
              static_cast<std::int64_t>(
                  draw_noise(config_.noise, 0, 4 + static_cast<std::int64_t>(b)).seed));
    sum = sum + together[b].loss.total;
  }
  const auto found = gradients(sum);
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double size = expected[i].abs().max().item<double>();
    EXPECT_LE((found[i] - expected[i]).abs().max().item<double>(), 1e-5 * size + 1e-12) << i;
  }
}

TEST_F(TeacherTaskTest, ACheckpointIsAModelWithTheOtherPartsOfItsBase) {
  task().save_model(folder_ / "run" / "checkpoints" / "step", 7);
  const auto found = pipeline::find_model(folder_ / "run" / "checkpoints" / "step");
  EXPECT_EQ(found.info.provenance.step, 7);
  EXPECT_EQ(tensor::content_hash(*pipeline::open_unet_weights(found.unet)),
            tensor::content_hash(*pipeline::open_unet_weights(*shared_ / "teacher" / "unet")));
  EXPECT_FALSE(found.vae.empty());
}

}  // namespace
}  // namespace vdd::teach
