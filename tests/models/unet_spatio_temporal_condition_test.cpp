// SPDX-License-Identifier: Apache-2.0
#include "vdd/models/unet_spatio_temporal_condition.h"

#include <ATen/autocast_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "support/reference_parameters.h"
#include "support/thrown.h"
#include "vdd/core/error.h"

namespace vdd::models {
namespace {

using testing::HasSubstr;

UNetConfig small_unet_config() {
  return {.down_block_types = {DownBlockType::kCrossAttention, DownBlockType::kPlain},
          .up_block_types = {UpBlockType::kPlain, UpBlockType::kCrossAttention},
          .block_out_channels = {64, 32},
          .addition_time_embed_dim = 8,
          .projection_class_embeddings_input_dim = 24,
          .layers_per_block = {1},
          .cross_attention_dim = {16},
          .num_attention_heads = {2}};
}

struct Inputs {
  torch::Tensor sample = tensor::randn({1, 3, 8, 4, 6}, 1);
  torch::Tensor timestep = torch::tensor({1.6});
  torch::Tensor tokens = tensor::randn({1, 3, 16}, 2);
  torch::Tensor ids = torch::tensor({{7.0, 127.0, 0.02}});
};

UNetSpatioTemporalConditionModel small_unet() {
  UNetSpatioTemporalConditionModel unet(small_unet_config());
  test::fill_parameters(*unet, 5);
  return unet;
}

TEST(UNet, GradientsReachAllButTheIdleTensors) {
  auto unet = small_unet();
  const Inputs in;
  unet(in.sample, in.timestep, in.tokens, in.ids).square().mean().backward();
  for (const auto& item : unet->named_parameters()) {
    const std::string& name = item.key();
    const bool idle = name.find("attn2.to_q") != std::string::npos ||
                      name.find("attn2.to_k") != std::string::npos ||
                      name.find("blocks.0.norm2") != std::string::npos;
    EXPECT_EQ(item.value().grad().defined(), !idle) << name;
  }
}

TEST(UNet, CheckpointingChangesNoValue) {
  auto unet = small_unet();
  const Inputs in;
  std::vector<torch::Tensor> outputs, gradients;
  for (const bool checkpointing : {false, true}) {
    unet->gradient_checkpointing = checkpointing;
    unet->zero_grad();
    outputs.push_back(unet(in.sample, in.timestep, in.tokens, in.ids));
    outputs.back().square().mean().backward();
    gradients.push_back(unet->named_parameters()["conv_in.weight"].grad().clone());
  }
  EXPECT_TRUE(torch::equal(outputs[0], outputs[1]));
  const torch::Tensor difference = (gradients[0] - gradients[1]).abs().max();
  EXPECT_LE(difference.item<double>(), 1e-5 * gradients[0].abs().max().item<double>());
}

TEST(UNet, OneTokenForAllFramesIsTheSameTokenPerFrame) {
  auto unet = small_unet();
  const Inputs in;
  torch::NoGradGuard no_grad;
  const torch::Tensor token = in.tokens.slice(1, 0, 1);
  const torch::Tensor once = unet(in.sample, in.timestep, token, in.ids);
  const torch::Tensor repeated = unet(in.sample, in.timestep, token.expand({1, 3, 16}), in.ids);
  EXPECT_TRUE(torch::allclose(once, repeated, 1e-5, 1e-6));
}

TEST(UNet, ClipsOfABatchDoNotMix) {
  auto unet = small_unet();
  const Inputs a;
  Inputs b;
  b.sample = tensor::randn({1, 3, 8, 4, 6}, 11);
  b.tokens = tensor::randn({1, 3, 16}, 12);
  b.timestep = torch::tensor({-0.3});
  torch::NoGradGuard no_grad;
  const torch::Tensor both = unet(at::cat({a.sample, b.sample}), at::cat({a.timestep, b.timestep}),
                                  at::cat({a.tokens, b.tokens}), at::cat({a.ids, b.ids}));
  EXPECT_TRUE(
      torch::allclose(both.slice(0, 1), unet(b.sample, b.timestep, b.tokens, b.ids), 1e-4, 1e-5));
}

TEST(UNet, RunsInInferenceModeAndUnderAutocast) {
  auto unet = small_unet();
  const Inputs in;
  torch::InferenceMode inference;
  const torch::Tensor exact = unet(in.sample, in.timestep, in.tokens, in.ids);
  at::autocast::set_autocast_enabled(at::kCPU, true);
  at::autocast::set_autocast_dtype(at::kCPU, torch::kBFloat16);
  const torch::Tensor rough = unet(in.sample, in.timestep, in.tokens, in.ids);
  at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(at::kCPU, false);
  const double error = ((rough - exact).abs().max() / exact.abs().max()).item<double>();
  EXPECT_LT(error, 0.05);
  EXPECT_GT(error, 1e-6);
}

TEST(UNet, TapsHoldOnlyWhatIsWanted) {
  auto unet = small_unet();
  const Inputs in;
  torch::NoGradGuard no_grad;
  Taps taps{.only = std::set<std::string>{"mid_block", "up_blocks.0.pre_upsample"}};
  unet(in.sample, in.timestep, in.tokens, in.ids, &taps);
  EXPECT_EQ(taps.tensors.size(), 2);
  EXPECT_EQ(taps.tensors.at("mid_block").sizes(), torch::IntArrayRef({3, 32, 2, 3}));
}

TEST(UNet, RefusesBadConfigs) {
  const auto message = [](auto change) {
    UNetConfig config = small_unet_config();
    change(config);
    return test::thrown<ConfigError>([&] { UNetSpatioTemporalConditionModel unet(config); });
  };
  EXPECT_THAT(message([](UNetConfig& c) {
                c.layers_per_block = {1, 2, 3};
              }),
              HasSubstr("layers_per_block: has 3 entries for the 2 levels"));
  EXPECT_THAT(message([](UNetConfig& c) { c.up_block_types = {}; }),
              "up_block_types: must not be empty");
  EXPECT_THAT(message([](UNetConfig& c) { c.num_attention_heads = {3}; }),
              HasSubstr("num_attention_heads: 3 does not divide the 64 channels of level 0"));
  EXPECT_THAT(message([](UNetConfig& c) {
                c.block_out_channels = {48, 32};
              }),
              "block_out_channels.0: must be a multiple of 32, got '48'");
}

TEST(UNet, RefusesBadShapes) {
  auto unet = small_unet();
  const Inputs in;
  test::thrown<ShapeError>([&] { unet(in.sample.slice(2, 0, 4), in.timestep, in.tokens, in.ids); });
  test::thrown<ShapeError>([&] { unet(in.sample, in.timestep, in.tokens.slice(1, 0, 2), in.ids); });
  test::thrown<ShapeError>([&] { unet(in.sample, in.timestep, in.tokens.slice(2, 0, 8), in.ids); });
  test::thrown<ShapeError>([&] { unet(in.sample, in.timestep, in.tokens, in.ids.slice(1, 0, 2)); });
}

}  // namespace
}  // namespace vdd::models
