// SPDX-License-Identifier: Apache-2.0
#include "vdd/pipeline/sampling.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <regex>

#include "pipeline/tiny_model.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/tensor/random.h"

namespace vdd::pipeline {
namespace {

Conditioning random_conditioning(std::int64_t frames) {
  return {.rgb_latent_TChw = tensor::randn({frames, 4, 4, 8}, 1),
          .image_embeds_TD = tensor::randn({frames, 16}, 2)};
}

double distance(const torch::Tensor& a, const torch::Tensor& b) {
  return ((a - b).abs().max() / b.abs().max()).item<double>();
}

TEST(Sampling, StudentIsTheOneStepSampler) {
  auto model = test::tiny_model();
  const Conditioning conditioning = random_conditioning(3);
  const torch::Tensor noise = tensor::randn({3, 4, 4, 8}, 3);
  const diffusion::EulerSchedule schedule;
  const torch::Tensor teacher = teacher_sample(model.unet, schedule, 1, conditioning, noise);
  const torch::Tensor student =
      denoise_once(model.unet, conditioning, noise * schedule.init_noise_sigma());
  EXPECT_LT(distance(student, teacher), 1e-3);  // the Euler step cancels at sigma 700
  EXPECT_TRUE(student.requires_grad());
  EXPECT_FALSE(teacher.requires_grad());
  EXPECT_FALSE(teacher.is_inference());
}

TEST(Sampling, AHeadTakesTheFeaturesOfTheOneStep) {
  auto model = test::tiny_model();
  auto head = test::tiny_head(model);
  const Conditioning conditioning = random_conditioning(3);
  const torch::Tensor x = tensor::randn({3, 4, 4, 8}, 3) * 700;
  models::Taps taps;
  const torch::Tensor latent = denoise_once(model.unet, conditioning, x, 700, 0.02, &taps);
  std::vector<torch::Tensor> features;
  for (const auto& name : head->config().taps) features.push_back(taps.tensors.at(name));
  const torch::Tensor wanted = head->forward(features, 3, 32, 64);

  StudentDisparityOptions options{.height = 32, .width = 64};
  const StudentDisparity lean = student_disparity(model.unet, head, conditioning, x, options);
  EXPECT_TRUE(torch::equal(lean.disparity_THW, wanted));
  EXPECT_FALSE(lean.latent_TChw.defined());
  models::Taps paths;
  options.latent = true;
  options.taps = &paths;
  const StudentDisparity both = student_disparity(model.unet, head, conditioning, x, options);
  EXPECT_TRUE(torch::equal(both.disparity_THW, wanted));
  EXPECT_TRUE(torch::equal(both.latent_TChw, latent));
  EXPECT_EQ(paths.tensors.size(), 4);
}

TEST(Sampling, TheGradientOfAHeadReachesAllButTheLastLayersOfTheUNet) {
  auto model = test::tiny_model();
  auto head = test::tiny_head(model);
  const auto disparity =
      student_disparity(model.unet, head, random_conditioning(2), tensor::randn({2, 4, 4, 8}, 3),
                        {.height = 32, .width = 64});
  (disparity.disparity_THW * tensor::randn({2, 32, 64}, 5)).sum().backward();
  // Attention to a single token has no use for queries, keys and the norm before them.
  const std::regex idle(R"(.*attn2\.to_[qk]\..*|.*transformer_blocks\.\d+\.norm2\..*)");
  for (const auto& item : model.unet->named_parameters()) {
    if (std::regex_match(item.key(), idle)) continue;
    const bool last =
        item.key().starts_with("conv_norm_out.") || item.key().starts_with("conv_out.");
    EXPECT_EQ(item.value().grad().defined(), !last) << item.key();
  }
  EXPECT_TRUE(head->named_parameters()["projects.3.weight"].grad().defined());
}

TEST(Sampling, AHeadWithoutItsFeaturesIsRefused) {
  auto model = test::tiny_model();
  models::DptConfig config = test::tiny_head(model)->config();
  config.taps[0] = "up_blocks.7";
  models::TemporalDptHead head(config);
  EXPECT_EQ(test::thrown<ShapeError>([&] {
              student_disparity(model.unet, head, random_conditioning(2),
                                tensor::randn({2, 4, 4, 8}, 3), {.height = 32, .width = 64});
            }),
            "head: the UNet gives no up_blocks.7");
}

TEST(Sampling, OneWindowIsPlainSampling) {
  auto model = test::tiny_model();
  const Conditioning conditioning = random_conditioning(4);
  const torch::Tensor noise = tensor::randn({4, 4, 4, 8}, 3);
  const diffusion::EulerSchedule schedule;
  const WindowConfig config{.steps = 2, .window = 9, .overlap = 4};
  EXPECT_TRUE(torch::equal(sample_windows(model.unet, schedule, config, conditioning, noise),
                           teacher_sample(model.unet, schedule, 2, conditioning, noise)));
}

TEST(Sampling, WindowsWithoutOverlapAreJoined) {
  auto model = test::tiny_model();
  const Conditioning conditioning = random_conditioning(5);
  const torch::Tensor noise = tensor::randn({3, 4, 4, 8}, 3);
  const diffusion::EulerSchedule schedule;
  const torch::Tensor joined = sample_windows(
      model.unet, schedule, {.steps = 1, .window = 3, .overlap = 0}, conditioning, noise);
  const torch::Tensor last =
      teacher_sample(model.unet, schedule, 1, conditioning.slice(3, 5), noise.slice(0, 0, 2));
  ASSERT_EQ(joined.size(0), 5);
  EXPECT_LT(distance(joined.slice(0, 3), last), 1e-6);
}

TEST(Sampling, RefusesWrongShapes) {
  auto model = test::tiny_model();
  const Conditioning conditioning = random_conditioning(4);
  const diffusion::EulerSchedule schedule;
  const torch::Tensor noise = tensor::randn({2, 4, 4, 8}, 3);
  test::thrown<ShapeError>(
      [&] { sample_windows(model.unet, schedule, WindowConfig{}, conditioning, noise); });
  test::thrown<ConfigError>([&] {
    sample_windows(model.unet, schedule, {.window = 2, .overlap = 2}, conditioning, noise);
  });
  test::thrown<ShapeError>([&] {
    encode_video(model.vae, model.image_encoder, tensor::randn({2, 3, 8}, 1));
  });
}

TEST(Sampling, ChunksOfFramesEncodeToTheSameValues) {
  auto model = test::tiny_model();
  const torch::Tensor rgb = tensor::randn({5, 3, 8, 16}, 1).tanh();
  const torch::Tensor noise = tensor::randn({5, 3, 8, 16}, 2);
  const Conditioning whole = encode_video(model.vae, model.image_encoder, rgb, 0.02, noise, 5);
  const Conditioning parts = encode_video(model.vae, model.image_encoder, rgb, 0.02, noise, 2);
  EXPECT_LT(distance(parts.rgb_latent_TChw, whole.rgb_latent_TChw), 1e-5);
  EXPECT_LT(distance(parts.image_embeds_TD, whole.image_embeds_TD), 1e-5);
}

TEST(Sampling, DisparityIsNormalisedOverTheClip) {
  // Gray (d/2 + 0.5, clamped) of -1, 0, 1 and 3 is 0, 0.5, 1 and 1.
  const torch::Tensor decoded =
      torch::tensor({-0.5, 0.0, 0.5, 3.0}).view({4, 1, 1, 1}).expand({4, 3, 2, 2});
  const torch::Tensor disparity = disparity_from_rgb(decoded);
  const torch::Tensor wanted = torch::tensor({0.0, 1.0 / 3, 2.0 / 3, 1.0});
  EXPECT_TRUE(torch::allclose(disparity.mean({1, 2}), wanted));
  EXPECT_TRUE(torch::equal(disparity_from_rgb(torch::ones({2, 3, 2, 2})), torch::zeros({2, 2, 2})));
}

TEST(Sampling, DisparityOfAHeadIsNormalisedFromZeroUp) {
  const torch::Tensor raw = torch::tensor({-3.0, 1.0, 2.0, 5.0}).view({2, 1, 2});
  EXPECT_TRUE(torch::allclose(normalize_disparity(raw),
                              torch::tensor({0.0, 0.2, 0.4, 1.0}).view({2, 1, 2})));
  EXPECT_TRUE(torch::equal(normalize_disparity(raw - 9), torch::zeros({2, 1, 2})));
}

}  // namespace
}  // namespace vdd::pipeline
