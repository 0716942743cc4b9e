// SPDX-License-Identifier: Apache-2.0
#include "vdd/predict/predictor.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <limits>

#include "pipeline/tiny_model.h"
#include "support/field_count.h"
#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/core/random.h"
#include "vdd/pipeline/sampling.h"
#include "vdd/tensor/random.h"

namespace vdd::predict {
namespace {

constexpr PredictorConfig kTwoStepConfig{
    .steps = 2, .window = 4, .overlap = 2, .chunk = 3, .seed = 7};
constexpr PredictorConfig kHeadConfig{.steps = 0, .window = 4, .overlap = 2, .chunk = 3, .seed = 7};

// Chunks of another size sum in another order.
constexpr double kRounding = 1e-4;

double distance(const torch::Tensor& a, const torch::Tensor& b) {
  return (a - b).abs().max().item<float>();
}

torch::Tensor random_clip(std::int64_t frames) {
  return tensor::randn({frames, 3, 8, 16}, 5).clamp(-1, 1);
}

/// The published steps one after another, all in memory, with the noise that the header promises.
pipeline::Conditioning conditioning_of(pipeline::DepthModel& model, const torch::Tensor& clip) {
  return pipeline::encode_video(model.vae, model.image_encoder, clip, model.info.noise_aug,
                                tensor::randn(clip.sizes(), derive_seed(7, 0, "pixel_noise")));
}

TEST(Predictor, AClipIsThePublishedPipeline) {
  auto model = test::tiny_model();
  const torch::Tensor clip = random_clip(7);
  const torch::Tensor latent = pipeline::sample_windows(
      model.unet, diffusion::EulerSchedule(), {.steps = 2, .window = 4, .overlap = 2},
      conditioning_of(model, clip), tensor::randn({4, 4, 4, 8}, 7));
  const torch::Tensor expected = pipeline::decode_disparity(model.vae, latent, 3);
  EXPECT_LT(distance(Predictor(model, kTwoStepConfig).predict_clip(clip), expected), kRounding);
  EXPECT_EQ(expected.min().item<float>(), 0);
  EXPECT_EQ(expected.max().item<float>(), 1);
}

TEST(Predictor, AVideoFrameByFrameIsTheClip) {
  Predictor predictor(test::tiny_model(), kTwoStepConfig);
  const torch::Tensor clip = random_clip(9);
  std::vector<torch::Tensor> parts;
  auto video = predictor.stream(9, 8, 16, [&](const torch::Tensor& raw) { parts.push_back(raw); });
  for (const torch::Tensor& frame : clip.split(1)) video.push(frame);
  const torch::Tensor raw = at::cat(parts);
  EXPECT_EQ(video.denoised(), 4 + 4 + 4 + 3);
  EXPECT_EQ(video.seams().size(), 3u);
  EXPECT_LT(distance(normalize(raw, {raw.min().item<float>(), raw.max().item<float>()}),
                     predictor.predict_clip(clip)),
            kRounding);
  test::thrown<ShapeError>([&] { video.push(clip.slice(0, 0, 1)); });
}

TEST(Predictor, AStudentTakesOneStepFromTheVideoLatent) {
  auto model = test::tiny_model();
  model.info = {.input = pipeline::SamplerInput::kRgbLatent,
                .rgb_latent_scale = 0.5,
                .steps = 1,
                .noise_aug = 0.1};
  const torch::Tensor clip = random_clip(3);
  const auto conditioning = conditioning_of(model, clip);
  const torch::Tensor latent = pipeline::denoise_once(
      model.unet, conditioning,
      conditioning.rgb_latent_TChw * 0.5 * diffusion::EulerSchedule().init_noise_sigma(), 700, 0.1);
  PredictorConfig config = kTwoStepConfig;
  config.steps = 0;
  EXPECT_LT(distance(Predictor(model, config).predict_clip(clip),
                     pipeline::decode_disparity(model.vae, latent, 3)),
            kRounding);
  EXPECT_NE(test::thrown<ConfigError>([&] { Predictor(model, kTwoStepConfig); }).find("steps"),
            std::string::npos);
}

/// A one-step student with a head.
pipeline::DepthModel head_model() {
  auto model = test::tiny_model();
  model.dpt_head = test::tiny_head(model);
  model.info = {
      .input = pipeline::SamplerInput::kRgbLatent, .steps = 1, .decoder = pipeline::Decoder::kDpt};
  return model;
}

torch::Tensor head_disparity(pipeline::DepthModel& model, const pipeline::Conditioning& part) {
  const double scale = model.info.rgb_latent_scale * diffusion::EulerSchedule().init_noise_sigma();
  return pipeline::student_disparity(model.unet, model.dpt_head, part, part.rgb_latent_TChw * scale,
                                     {.height = 32, .width = 64})
      .disparity_THW.clamp_min(0);
}

TEST(Predictor, AClipOfOneWindowIsTheHeadsDisparity) {
  auto model = head_model();
  const torch::Tensor clip = tensor::randn({4, 3, 32, 64}, 5).clamp(-1, 1);
  const auto conditioning = conditioning_of(model, clip);
  EXPECT_LT(distance(Predictor(model, kHeadConfig).predict_clip(clip),
                     pipeline::normalize_disparity(head_disparity(model, conditioning))),
            kRounding);
  EXPECT_NE(test::thrown<ConfigError>([&] { Predictor(model, kTwoStepConfig); }).find("steps"),
            std::string::npos);
}

TEST(Predictor, WindowsOfAHeadAreAlignedAndCrossFaded) {
  auto model = head_model();
  const torch::Tensor clip = tensor::randn({6, 3, 32, 64}, 5).clamp(-1, 1);
  const auto conditioning = conditioning_of(model, clip);
  const torch::Tensor first = head_disparity(model, conditioning.slice(0, 4)),
                      second =
                          align(head_disparity(model, conditioning.slice(2, 6)), first.slice(0, 2));
  // Weights of two shared frames: 0 and 1.
  const torch::Tensor raw = at::cat({first.slice(0, 0, 3), second.slice(0, 1)});
  EXPECT_LT(distance(Predictor(model, kHeadConfig).predict_clip(clip),
                     normalize(raw, {raw.min().item<float>(), raw.max().item<float>()})),
            kRounding);
}

TEST(Predictor, AHeadMayStartFromNoise) {
  auto model = head_model();
  model.info.input = pipeline::SamplerInput::kNoise;
  Predictor predictor(model, kHeadConfig);
  const torch::Tensor clip = tensor::randn({6, 3, 32, 64}, 5).clamp(-1, 1);
  EXPECT_EQ(predictor.predict_clip(clip).max().item<float>(), 1);
}

TEST(Predictor, AlignTakesScaleAndOffsetFromTheSharedFrames) {
  const torch::Tensor before = tensor::randn({2, 3, 4}, 1), rest = tensor::randn({3, 3, 4}, 2);
  const torch::Tensor window = at::cat({before, rest});
  EXPECT_LT(distance(align(window * 5 - 2, before), window), 1e-5);
  const torch::Tensor flat = torch::full({2, 3, 4}, 7.0f);
  EXPECT_LT(
      distance(align(at::cat({flat, rest}), before), at::cat({flat, rest}) - 7 + before.mean()),
      1e-5);
  EXPECT_LT(distance(align(window, flat), window - before.mean() + 7), 1e-5);
}

TEST(Predictor, OneSeedGivesOneDisparity) {
  auto config = kTwoStepConfig;
  Predictor predictor(test::tiny_model(), config);
  config.seed = 8;
  Predictor other(test::tiny_model(), config);
  const torch::Tensor clip = random_clip(3), first = predictor.predict_clip(clip);
  EXPECT_TRUE(torch::equal(first, predictor.predict_clip(clip)));
  EXPECT_FALSE(torch::equal(first, other.predict_clip(clip)));
}

TEST(Predictor, ADeterministicStudentDependsOnTheSeedByItsPixelNoiseOnly) {
  const torch::Tensor clip = random_clip(3);
  const auto disparity = [&](std::int64_t seed, std::optional<double> noise_aug) {
    pipeline::DepthModel student = test::tiny_model();
    student.info.input = pipeline::SamplerInput::kRgbLatent;
    student.info.steps = 1;
    auto config = kHeadConfig;
    config.seed = seed;
    config.noise_aug = noise_aug;
    return Predictor(student, config).predict_clip(clip);
  };
  EXPECT_FALSE(torch::equal(disparity(7, {}), disparity(8, {})));
  EXPECT_TRUE(torch::equal(disparity(7, 0), disparity(8, 0)));
  EXPECT_FALSE(torch::equal(disparity(7, 0), disparity(7, {})));
}

TEST(Predictor, AModelInHalfPrecisionHasAVaeInFloat32UnlessAskedOtherwise) {
  const test::TempDir folder;
  pipeline::save_depth_model(folder / "model", test::tiny_model());
  const pipeline::LoadSpec half{.model = folder / "model", .target = {.dtype = torch::kBFloat16}};
  Predictor predictor(half, kTwoStepConfig);
  EXPECT_EQ(predictor.model().unet->dtype(), torch::kBFloat16);
  EXPECT_EQ(predictor.model().vae->dtype(), torch::kFloat32);
  EXPECT_TRUE(settings_of(predictor).ends_with(" dtype=bf16,vae=fp32 device=cpu"));

  auto model = pipeline::load_depth_model(half);
  model.vae = pipeline::load_vae(folder / "model/vae");
  const torch::Tensor clip = random_clip(3);
  EXPECT_TRUE(torch::equal(predictor.predict_clip(clip),
                           Predictor(model, kTwoStepConfig).predict_clip(clip)));

  pipeline::LoadSpec all = half;
  all.vae_dtype = torch::kBFloat16;
  Predictor lower(all, kTwoStepConfig);
  EXPECT_EQ(lower.model().vae->dtype(), torch::kBFloat16);
  EXPECT_TRUE(settings_of(lower).ends_with(" dtype=bf16 device=cpu"));
  EXPECT_FALSE(torch::equal(lower.predict_clip(clip), predictor.predict_clip(clip)));
}

TEST(Predictor, NormalizeMapsTheRangeToZeroAndOne) {
  const torch::Tensor raw = torch::tensor({2.0f, 3.0f, 6.0f});
  EXPECT_TRUE(torch::equal(normalize(raw, {2, 6}), torch::tensor({0.0f, 0.25f, 1.0f})));
  EXPECT_TRUE(torch::equal(normalize(raw, {3, 3}), torch::zeros(3)));
}

TEST(Predictor, RefusesWhatTheModelCannotTake) {
  Predictor predictor(test::tiny_model(), kTwoStepConfig);
  EXPECT_EQ(predictor.size_multiple(), 4);  // two levels each
  test::thrown<ShapeError>([&] { predictor.predict_clip(torch::zeros({2, 3, 6, 8})); });
  test::thrown<ShapeError>([&] { predictor.predict_clip(torch::zeros({3, 8, 8})); });
  test::thrown<ShapeError>([&] { predictor.predict_clip(torch::zeros({2, 4, 8, 8})); });
  torch::Tensor nan = random_clip(2);
  nan[1][0][0][0] = std::numeric_limits<float>::quiet_NaN();
  test::thrown<NonFiniteError>([&] { predictor.predict_clip(nan); });
  test::thrown<ConfigError>([] { Predictor(test::tiny_model(), {.window = 4, .overlap = 4}); });
}

TEST(Predictor, ListsEveryField) {
  EXPECT_EQ(test::listed_fields<PredictorConfig>(), test::count_members<PredictorConfig>());
}

}  // namespace
}  // namespace vdd::predict
