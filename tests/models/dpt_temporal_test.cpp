// SPDX-License-Identifier: Apache-2.0
#include "vdd/models/dpt_temporal.h"

#include <ATen/autocast_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "support/reference_parameters.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/nn/initialize.h"
#include "vdd/tensor/state_dict.h"

namespace vdd::models {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

DptConfig small_dpt_config() {
  return {.in_channels = {8, 12, 16, 20}, .out_channels = {8, 16, 32, 64}, .features = 64};
}

TemporalDptHead small_head(HeadActivation activation = HeadActivation::kSoftplus) {
  DptConfig config = small_dpt_config();
  config.activation = activation;
  TemporalDptHead head(config);
  test::fill_parameters(*head, 5);
  return head;
}

std::vector<torch::Tensor> small_features(std::int64_t images, bool gradients = false) {
  std::vector<torch::Tensor> features;
  const std::vector<std::vector<std::int64_t>> sizes = {{4, 6}, {4, 6}, {2, 3}, {1, 2}};
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    features.push_back(
        tensor::randn({images, small_dpt_config().in_channels[i], sizes[i][0], sizes[i][1]}, 10 + i)
            .requires_grad_(gradients));
  }
  return features;
}

std::vector<torch::Tensor> frames(const std::vector<torch::Tensor>& features, std::int64_t start,
                                  std::int64_t end) {
  std::vector<torch::Tensor> part;
  for (const torch::Tensor& x : features) part.push_back(x.slice(0, start, end));
  return part;
}

std::int64_t count(const DptConfig& config) {
  std::int64_t numbers = 0;
  for (const torch::Tensor& p : TemporalDptHead(config)->parameters()) numbers += p.numel();
  return numbers;
}

// Video-Depth-Anything's three heads as published, and the same on the published UNet's taps.
TEST(TemporalDptHead, HasThePublishedNumberOfParameters) {
  const UNetConfig unet;
  EXPECT_EQ(count(dpt_config("L", unet)), 68'895'425);
  EXPECT_EQ(count(dpt_config("B", unet)), 22'815'745);
  EXPECT_EQ(count(dpt_config("S", unet)), 6'124'065);

  const auto original = [&](const char* variant, std::int64_t width) {
    DptConfig config = dpt_config(variant, unet);
    config.in_channels.assign(4, width);
    config.in_strides.assign(4, 16);
    return config;
  };
  EXPECT_EQ(count(original("L", 1024)), 80'021'697);
  EXPECT_EQ(count(original("B", 768)), 27'860'929);
  EXPECT_EQ(count(original("S", 384)), 6'978'561);

  UNetConfig tiny;
  tiny.block_out_channels = {32, 64, 64, 64};
  EXPECT_EQ(count(dpt_config("tiny", tiny)), 302'577);
}

TEST(TemporalDptHead, GradientsReachAllButTheIdleUnit) {
  auto head = small_head();
  const auto features = small_features(4, /*gradients=*/true);
  head->forward(features, 2, 32, 48).square().mean().backward();
  for (const auto& item : head->named_parameters()) {
    const bool idle = item.key().starts_with("scratch.refinenet4.resConfUnit1.");
    EXPECT_EQ(item.value().grad().defined(), !idle) << item.key();
  }
  for (const torch::Tensor& x : features) EXPECT_TRUE(x.grad().defined());
}

// The frames of the fine levels run four at a time without gradients.
TEST(TemporalDptHead, ChunksOfFramesChangeNothing) {
  auto head = small_head();
  const auto features = small_features(10);
  Taps whole_taps, part_taps;
  const torch::Tensor whole = head->forward(features, 5, 32, 48, &whole_taps);
  torch::NoGradGuard no_grad;
  const torch::Tensor parts = head->forward(features, 5, 32, 48, &part_taps);
  EXPECT_TRUE(torch::allclose(parts, whole, 1e-5, 1e-6));
  for (const char* path : {"path_4", "path_3", "path_2", "path_1"}) {
    EXPECT_TRUE(
        torch::allclose(part_taps.tensors.at(path), whole_taps.tensors.at(path), 1e-4, 1e-5))
        << path;
  }
}

TEST(TemporalDptHead, CheckpointingChangesNoGradient) {
  auto head = small_head();
  const auto features = small_features(6);
  std::vector<std::vector<torch::Tensor>> gradients;
  for (const bool checkpointing : {false, true}) {
    head->gradient_checkpointing = checkpointing;
    head->zero_grad();
    Taps taps{.only = std::set<std::string>{"path_2"}};
    const torch::Tensor disparity = head->forward(features, 3, 32, 48, &taps);
    (disparity.square().mean() + taps.tensors.at("path_2").square().mean()).backward();
    gradients.emplace_back();
    for (const torch::Tensor& p : head->parameters()) {
      gradients.back().push_back(p.grad().defined() ? p.grad().clone() : torch::Tensor());
    }
  }
  const auto names = head->named_parameters().keys();
  for (std::size_t i = 0; i < names.size(); ++i) {
    const torch::Tensor &kept = gradients[0][i], &recomputed = gradients[1][i];
    ASSERT_EQ(kept.defined(), recomputed.defined()) << names[i];
    if (!kept.defined()) continue;
    const double error = ((recomputed - kept).abs().max() / kept.abs().max()).item<double>();
    EXPECT_LE(error, 1e-4) << names[i];
  }
}

TEST(TemporalDptHead, ClipsOfABatchDoNotMixAndFramesDo) {
  auto head = small_head();
  const auto features = small_features(6);
  torch::NoGradGuard no_grad;
  const torch::Tensor both = head->forward(features, 3, 32, 48);
  const torch::Tensor second = head->forward(frames(features, 3, 6), 3, 32, 48);
  EXPECT_TRUE(torch::allclose(both.slice(0, 3), second, 1e-4, 1e-5));
  EXPECT_FALSE(torch::allclose(both, head->forward(features, 6, 32, 48), 1e-3, 1e-3));
}

TEST(TemporalDptHead, StartsFrameByFrame) {
  TemporalDptHead head(small_dpt_config());
  nn::initialize(*head, 7);
  const auto features = small_features(4);
  torch::NoGradGuard no_grad;
  const torch::Tensor clip = head->forward(features, 4, 32, 48);
  EXPECT_TRUE(torch::allclose(clip, head->forward(features, 1, 32, 48), 1e-5, 1e-6));
}

TEST(TemporalDptHead, ActivationsAreWhatTheyAreCalled) {
  const auto features = small_features(1);
  torch::NoGradGuard no_grad;
  const auto run = [&](HeadActivation activation) {
    return small_head(activation)->forward(features, 1, 32, 48);
  };
  const torch::Tensor x = run(HeadActivation::kIdentity);
  ASSERT_LT(x.min().item<float>(), 0);
  EXPECT_TRUE(torch::equal(run(HeadActivation::kRelu), x.clamp_min(0)));
  EXPECT_TRUE(torch::allclose(run(HeadActivation::kSoftplus), (1 + x.exp()).log(), 1e-4, 1e-5));
  EXPECT_TRUE(torch::allclose(run(HeadActivation::kSigmoid), 1 / (1 + (-x).exp()), 1e-4, 1e-5));
}

TEST(TemporalDptHead, AnySizesWork) {
  auto head = small_head();
  torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> features;
  const std::vector<std::vector<std::int64_t>> sizes = {{3, 5}, {4, 4}, {2, 3}, {1, 1}};
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    features.push_back(
        tensor::randn({2, small_dpt_config().in_channels[i], sizes[i][0], sizes[i][1]}, i));
  }
  const torch::Tensor disparity = head->forward(features, 2, 17, 31);
  EXPECT_EQ(disparity.sizes(), torch::IntArrayRef({2, 17, 31}));
  EXPECT_TRUE(disparity.isfinite().all().item<bool>());
}

// The last convolutions stay in float32 when autocast asks for less.
TEST(TemporalDptHead, EndsInFloat32) {
  auto head = small_head();
  const auto features = small_features(2);
  torch::NoGradGuard no_grad;
  const torch::Tensor exact = head->forward(features, 2, 32, 48);
  at::autocast::set_autocast_enabled(at::kCPU, true);
  at::autocast::set_autocast_dtype(at::kCPU, torch::kBFloat16);
  const torch::Tensor rough = head->forward(features, 2, 32, 48);
  at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(at::kCPU, false);
  EXPECT_EQ(rough.scalar_type(), torch::kFloat32);
  EXPECT_FALSE(torch::equal(rough.to(torch::kBFloat16).to(torch::kFloat32), rough));
  const double error = ((rough - exact).abs().max() / exact.abs().max()).item<double>();
  EXPECT_LT(error, 0.05);
  EXPECT_GT(error, 1e-6);

  tensor::allocate_as(*head, torch::kBFloat16, torch::kCPU);
  test::fill_parameters(*head, 5);
  EXPECT_EQ(head->forward(features, 2, 32, 48).scalar_type(), torch::kFloat32);
}

TEST(TemporalDptHead, RefusesBadConfigsAndShapes) {
  EXPECT_THAT(test::thrown<ConfigError>([] { TemporalDptHead head(DptConfig{.features = 8}); }),
              StartsWith("features: must be a multiple of 32"));
  auto head = small_head();
  const auto refusal = [&](std::vector<torch::Tensor> features, std::int64_t num_frames,
                           std::int64_t height) {
    return test::thrown<ShapeError>([&] { head->forward(features, num_frames, height, 48); });
  };
  auto features = small_features(4);
  EXPECT_THAT(refusal(features, 3, 32), HasSubstr("4 images are no clips of 3 frames"));
  EXPECT_THAT(refusal(features, 2, 0), HasSubstr("disparity"));
  features[1] = features[1].slice(1, 0, 3);
  EXPECT_THAT(refusal(features, 2, 32), HasSubstr("features.1: wanted [N,12,h,w]"));
  features.pop_back();
  EXPECT_THAT(refusal(features, 2, 32), HasSubstr("wanted 4 maps, got 3"));
}

}  // namespace
}  // namespace vdd::models
