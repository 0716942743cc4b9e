// SPDX-License-Identifier: Apache-2.0
#include "vdd/teach/train_vae.h"
#include "vdd/teach/vae_batch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "support/clips.h"
#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/core/random.h"
#include "vdd/pipeline/model_folder.h"
#include "vdd/tensor/random.h"

namespace vdd::teach {
namespace {

using ::testing::HasSubstr;

using test::TempDir;
using test::thrown;

/// A clip whose pixels say where they are, with depth.
data::Clip marked_clip() {
  data::Clip clip;
  clip.rgb_TCHW = torch::arange(2 * 3 * 64 * 128, torch::kFloat32).view({2, 3, 64, 128}) / 1e5 - 1;
  clip.disparity_THW = torch::rand({2, 64, 128});
  return clip;
}

class VaeTaskTest : public ::testing::Test {
 protected:
  VaeTaskTest() {
    test::write_clips(folder_ / "clips", 2, 4, 64, 128);
    config_.data.root = (folder_ / "clips").string();
    config_.data.holdout = {};
    config_.data.frames = 2;
    config_.data.height = 64;
    config_.data.width = 128;
    config_.crops = {.count = 2, .size = 32};
    config_.scale_clips = 2;
    config_.validation.every = 0;
    config_.trained.patterns.emplace_back("!decoder.mid_block.attentions");
    dataset_ = std::make_shared<data::ClipDataset>(config_.data);
  }
  VaeTask task() { return {config_, {.training = dataset_}}; }

  TempDir folder_;
  TrainVaeConfig config_;
  std::shared_ptr<data::ClipDataset> dataset_;
};

TEST(DrawCrops, AreAFunctionOfSeedAndNumberAndEveryOtherShowsDisparity) {
  const data::Clip clip = marked_clip();
  const CropConfig config{.count = 4, .size = 16};
  const VaeBatch batch = draw_crops(clip, config, 3, 5);
  EXPECT_EQ(batch.target_NCHW.sizes(), (std::vector<std::int64_t>{8, 3, 16, 16}));
  EXPECT_EQ(batch.frames, 2);
  EXPECT_TRUE(torch::equal(batch.target_NCHW, draw_crops(clip, config, 3, 5).target_NCHW));
  EXPECT_FALSE(torch::equal(batch.target_NCHW, draw_crops(clip, config, 3, 6).target_NCHW));
  EXPECT_TRUE(torch::equal(batch.is_disparity_N,
                           torch::tensor({false, false, true, true, false, false, true, true})));
  const torch::Tensor disparity = batch.target_NCHW.slice(0, 2, 4);
  EXPECT_TRUE(torch::equal(disparity.select(1, 0), disparity.select(1, 2)));
  // Neighbours within a cut are neighbours of the picture: both frames show the same place.
  const torch::Tensor rgb = batch.target_NCHW.slice(0, 0, 2);
  EXPECT_LT((rgb[1] - rgb[0] - 3 * 64 * 128 / 1e5).abs().max().item<double>(), 1e-5);
}

TEST(DrawCrops, ShowAsMuchDisparityAsIsAskedFor) {
  const auto shown = [](double share) {
    const CropConfig config{.count = 8, .size = 16, .disparity = share};
    return draw_crops(marked_clip(), config, 3, 5).is_disparity_N.sum().item<std::int64_t>() / 2;
  };
  EXPECT_EQ(shown(0), 0);
  EXPECT_EQ(shown(0.25), 2);
  EXPECT_EQ(shown(0.75), 6);
  EXPECT_EQ(shown(1), 8);
}

TEST(DrawCrops, SpreadTheShareOfDisparityOverSamples) {
  std::int64_t shown = 0;
  for (std::int64_t n = 0; n < 10; ++n) {
    const CropConfig config{.count = 1, .size = 16, .disparity = 0.8};
    shown += draw_crops(marked_clip(), config, 3, n).is_disparity_N.any().item<bool>();
  }
  EXPECT_EQ(shown, 8);
}

TEST(DrawCrops, LieOnAGridAndSayWhere) {
  const data::Clip clip = marked_clip();
  const VaeBatch batch = draw_crops(clip, {.count = 8, .size = 32, .disparity = 0}, 3, 5, 16);
  const auto cuts = batch.target_NCHW.split(2);
  for (std::int64_t k = 0; k < 8; ++k) {
    const auto top = batch.corner_K2[k][0].item<std::int64_t>();
    const auto left = batch.corner_K2[k][1].item<std::int64_t>();
    EXPECT_EQ(top % 16 + left % 16, 0);
    EXPECT_TRUE(torch::equal(cuts[static_cast<std::size_t>(k)],
                             clip.rgb_TCHW.narrow(2, top, 32).narrow(3, left, 32)));
  }
  EXPECT_GT(batch.corner_K2.to(torch::kFloat64).std(0).min().item<double>(), 0);
}

TEST(WithAnswer, TakesTheDisparityCutsFromTheirPlaceInTheAnswer) {
  const VaeBatch batch{.target_NCHW = {},
                       .is_disparity_N = torch::tensor({false, false, true, true}),
                       .corner_K2 = torch::tensor({{8, 16}, {32, 24}}, torch::kInt64),
                       .frames = 2};
  const torch::Tensor z = tensor::randn({4, 4, 2, 3}, 1);
  const torch::Tensor answer = tensor::randn({2, 4, 8, 8}, 2);
  const torch::Tensor out = with_answer(z, batch, answer, 8);
  EXPECT_TRUE(torch::equal(out.narrow(0, 0, 2), z.narrow(0, 0, 2)));
  EXPECT_TRUE(torch::equal(out.narrow(0, 2, 2), answer.narrow(2, 4, 2).narrow(3, 3, 3)));
}

TEST(DrawCrops, ShowPicturesOnlyIfThereIsNoDepth) {
  data::Clip clip = marked_clip();
  clip.disparity_THW = torch::Tensor();
  EXPECT_FALSE(draw_crops(clip, {.count = 4, .size = 16}, 0, 0).is_disparity_N.any().item<bool>());
}

TEST_F(VaeTaskTest, TheLossIsThatOfADecodedDrawFromThePosterior) {
  VaeTask vae = task();
  const data::Clip clip = dataset_->load(0, 0);
  const train::SampleLoss sample = vae.step(clip, 7);

  vae.save_model(folder_ / "checkpoint", 1);
  auto model = pipeline::load_vae(folder_ / "checkpoint" / "vae");
  const VaeBatch batch = draw_crops(clip, config_.crops, 0, 7);
  const torch::Tensor moments = model->encode_moments(batch.target_NCHW);
  const auto halves = moments.chunk(2, 1);
  const torch::Tensor z =
      halves[0] +
      (halves[1] / 2).exp() * tensor::randn(halves[0].sizes(), derive_seed(0, 7, "noise"));
  const auto loss = losses::reconstruction_loss(model->decode(z, 2), batch.target_NCHW,
                                                batch.is_disparity_N, moments, config_.loss);
  EXPECT_NEAR(sample.loss.total.item<double>(), loss.total.item<double>(), 1e-5);
}

TEST(DisturbedDepth, HasALevelForEachCutInDeviationsOfItsChannel) {
  constexpr std::int64_t kCuts = 400, kFrames = 3;
  const torch::Tensor scale = torch::tensor({1.0F, 10.0F, 0.1F, 3.0F}).view({-1, 1, 1});
  const torch::Tensor z = scale * tensor::randn({kCuts * kFrames, 4, 8, 8}, 7);
  const torch::Tensor all = torch::ones({kCuts * kFrames}, torch::kBool);
  const torch::Tensor noise = disturbed_depth(z, all, kFrames, 0.5, 1) - z;
  const torch::Tensor levels = (noise / scale).view({kCuts, kFrames, -1}).std(-1);  // of frames
  EXPECT_LE(levels.max().item<double>(), 0.5 * 1.2);
  EXPECT_NEAR(levels.mean().item<double>(), 0.25, 4 * 0.5 / std::sqrt(12 * kCuts));
  EXPECT_LT(((levels.amax(1) - levels.amin(1)) / levels.mean(1)).max().item<double>(), 0.5);
  const torch::Tensor of_channel = noise.std(at::IntArrayRef{0, 2, 3}) / scale.view({-1});
  EXPECT_NEAR((of_channel.max() / of_channel.min()).item<double>(), 1, 0.05);
  EXPECT_TRUE(torch::equal(noise, disturbed_depth(z, all, kFrames, 0.5, 1) - z));
  EXPECT_FALSE(torch::equal(noise, disturbed_depth(z, all, kFrames, 0.5, 2) - z));
}

TEST(DisturbedDepth, LeavesPicturesAloneAndHasAGradientForConstantLatents) {
  torch::Tensor z = torch::ones({4, 4, 8, 8}).requires_grad_();
  const torch::Tensor is_disparity = torch::tensor({false, false, true, true});
  const torch::Tensor out = disturbed_depth(z, is_disparity, 2, 0.5, 1);
  EXPECT_TRUE(torch::equal(out.narrow(0, 0, 2), z.narrow(0, 0, 2)));
  EXPECT_FALSE(torch::equal(out.narrow(0, 2, 2), z.narrow(0, 2, 2)));
  EXPECT_TRUE(torch::autograd::grad({out.sum()}, {z})[0].isfinite().all().item<bool>());
  EXPECT_TRUE(torch::equal(disturbed_depth(z, is_disparity, 2, 0, 1), z));
  EXPECT_TRUE(torch::equal(disturbed_depth(z, torch::zeros_like(is_disparity), 2, 1, 1), z));
}

TEST_F(VaeTaskTest, NoiseOfTheLatentsIsInTheLoss) {
  VaeTask exact = task();
  const data::Clip clip = dataset_->load(0, 0);
  const double without = exact.step(clip, 7).loss.total.item<double>();
  config_.latent_noise = 0.5;
  // These clips have no depth, hence no latents of disparity.
  EXPECT_EQ(task().step(clip, 7).loss.total.item<double>(), without);
  data::Clip with_depth = clip;
  with_depth.disparity_THW = tensor::randn({2, 64, 128}, 2).sigmoid();
  EXPECT_NE(task().step(with_depth, 7).loss.total.item<double>(),
            exact.step(with_depth, 7).loss.total.item<double>());
}

/// A decoder that learns from a random teacher's answers.
class AnsweredVaeTest : public VaeTaskTest {
 protected:
  AnsweredVaeTest() {
    pipeline::write_random_teacher(folder_ / "teacher", {});
    config_.model.init = config_.model.teacher = (folder_ / "teacher").string();
    config_.trained.patterns = {"decoder", "!decoder.mid_block.attentions"};
    config_.teacher.steps = 2;
    clip_ = dataset_->load(0, 0);
    clip_.disparity_THW = tensor::randn({2, 64, 128}, 2).sigmoid();
  }
  data::Clip clip_;
};

TEST_F(AnsweredVaeTest, TheLossIsThatOfTheDecodedAnswer) {
  VaeTask vae = task();
  const train::SampleLoss sample = vae.step(clip_, 7);

  auto model = pipeline::load_vae(folder_ / "teacher" / "vae");
  const VaeBatch batch = draw_crops(clip_, config_.crops, 0, 7, 8);
  const torch::Tensor latent = vae.answers()->get(clip_, 7).teacher_latent_TChw;
  const torch::Tensor moments = model->encode_moments(batch.target_NCHW);
  const auto halves = moments.chunk(2, 1);
  torch::Tensor z = halves[0] + (halves[1] / 2).exp() *
                                    tensor::randn(halves[0].sizes(), derive_seed(0, 7, "noise"));
  z = with_answer(z, batch, latent / model->config().scaling_factor, 8);
  const auto loss = losses::reconstruction_loss(model->decode(z, 2), batch.target_NCHW,
                                                batch.is_disparity_N, moments, config_.loss);
  EXPECT_NEAR(sample.loss.total.item<double>(), loss.total.item<double>(), 1e-5);

  config_.model.teacher.clear();
  EXPECT_GT(
      std::abs(task().step(clip_, 7).loss.total.item<double>() - sample.loss.total.item<double>()),
      1e-3);
}

TEST_F(AnsweredVaeTest, PicturesNeedNoAnswer) {
  clip_.disparity_THW = torch::Tensor();
  EXPECT_NO_THROW(check_teacher(config_));
  VaeTask vae = task();
  vae.step(clip_, 7);
  EXPECT_EQ(vae.answers()->teacher().store().computed(), 0);
}

TEST_F(AnsweredVaeTest, OtherLatentsAreRefused) {
  pipeline::write_random_teacher(folder_ / "other", {.seed = 1});
  config_.model.teacher = (folder_ / "other").string();
  const auto message = [&] { return thrown<ConfigError>([&] { check_teacher(config_); }); };
  EXPECT_THAT(message(), HasSubstr("is not that of model.init"));
  config_.trained.patterns = {"*"};
  EXPECT_THAT(message(), HasSubstr("must not train"));
}

TEST_F(VaeTaskTest, ADecoderThatTrainsAloneKeepsTheScalingFactorOfItsLatents) {
  VaeTask first = task();
  first.save_model(folder_ / "first", 1);
  auto config = pipeline::load_vae(folder_ / "first" / "vae")->config();
  config.scaling_factor = 3;
  pipeline::save_vae_config(folder_ / "first" / "vae", config);
  const auto factor = [&] {
    task().save_model(folder_ / "second", 1);
    return pipeline::load_vae(folder_ / "second" / "vae")->config().scaling_factor;
  };
  config_.model.init = (folder_ / "first").string();
  EXPECT_NEAR(factor(), first.measure_scaling_factor(), 1e-6);
  config_.trained.patterns.insert(config_.trained.patterns.begin() + 1, "!encoder");
  config_.trained.patterns.insert(config_.trained.patterns.begin() + 2, "!quant_conv");
  EXPECT_EQ(factor(), 3);
}

TEST_F(VaeTaskTest, TheScalingFactorGivesLatentsUnitDeviation) {
  VaeTask vae = task();
  vae.save_model(folder_ / "checkpoint", 1);
  auto model = pipeline::load_vae(folder_ / "checkpoint" / "vae");
  const torch::Tensor latents = torch::cat({model->encode_mode(dataset_->load(0, 0).rgb_TCHW),
                                            model->encode_mode(dataset_->load(0, 1).rgb_TCHW)});
  EXPECT_NEAR((latents * model->config().scaling_factor).std().item<double>(), 1, 1e-4);
}

TEST_F(VaeTaskTest, AWhitenedStartHasAScalingFactorOfOne) {
  config_.model.whiten = true;
  EXPECT_NEAR(task().measure_scaling_factor(), 1, 2e-3);
}

TEST_F(VaeTaskTest, AnInitialFolderGivesTheWeights) {
  VaeTask vae = task();
  vae.save_model(folder_ / "checkpoint", 1);
  const double loss = vae.step(dataset_->load(0, 0), 0).loss.total.item<double>();
  config_.model = {.init = (folder_ / "checkpoint").string(), .seed = 99};
  EXPECT_EQ(task().step(dataset_->load(0, 0), 0).loss.total.item<double>(), loss);
}

}  // namespace
}  // namespace vdd::teach
