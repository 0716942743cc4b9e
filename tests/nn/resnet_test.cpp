// SPDX-License-Identifier: Apache-2.0
#include "vdd/nn/resnet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <string>
#include <vector>

#include "support/reference_parameters.h"
#include "vdd/core/text.h"
#include "vdd/nn/initialize.h"

// Legend: B = 2 clips of F = 3 frames, N = B*F images, h = 5, w = 4, S = h*w.
namespace vdd::nn {
namespace {

using testing::ElementsAre;
using Weights = torch::OrderedDict<std::string, torch::Tensor>;

/// Lists the parameters in their order: "conv1.weight 64x32x3x3".
std::vector<std::string> names_and_shapes(const torch::nn::Module& module,
                                          const std::string& prefix = "") {
  std::vector<std::string> list;
  for (const auto& item : module.named_parameters()) {
    std::vector<std::string> shape;
    for (const std::int64_t size : item.value().sizes()) shape.push_back(std::to_string(size));
    list.push_back(concat(prefix, item.key(), ' ', join(shape, "x")));
  }
  return list;
}

torch::Tensor activated(const Weights& p, const std::string& norm, const torch::Tensor& x,
                        double eps) {
  return at::silu(at::group_norm(x, 32, p[norm + ".weight"], p[norm + ".bias"], eps));
}

torch::Tensor embedded(const Weights& p, const std::string& prefix,
                       const torch::Tensor& silu_temb_BE) {
  return at::linear(silu_temb_BE, p[prefix + "time_emb_proj.weight"],
                    p[prefix + "time_emb_proj.bias"]);
}

/// Computes the formula of ResnetBlock2D for the parameters below `prefix`.
torch::Tensor spatial_by_hand(const Weights& p, const std::string& prefix,
                              const torch::Tensor& x_NChw, const torch::Tensor& silu_temb_BE,
                              double eps) {
  const auto convolve = [&](const std::string& name, const torch::Tensor& x, std::int64_t padding) {
    return at::conv2d(x, p[prefix + name + ".weight"], p[prefix + name + ".bias"], 1, padding);
  };
  torch::Tensor h_NChw = convolve("conv1", activated(p, prefix + "norm1", x_NChw, eps), 1);
  if (silu_temb_BE.defined()) {
    const torch::Tensor e_BC = embedded(p, prefix, silu_temb_BE);
    h_NChw = (h_NChw.unflatten(0, {2, 3}) + e_BC.view({2, 1, -1, 1, 1})).flatten(0, 1);
  }
  h_NChw = convolve("conv2", activated(p, prefix + "norm2", h_NChw, eps), 1);
  if (!p.contains(prefix + "conv_shortcut.weight")) return x_NChw + h_NChw;
  return convolve("conv_shortcut", x_NChw, 0) + h_NChw;
}

/// Computes the formula of TemporalResnetBlock for the parameters below `prefix`.
torch::Tensor temporal_by_hand(const Weights& p, const std::string& prefix,
                               const torch::Tensor& x_BCFS, const torch::Tensor& silu_temb_BE,
                               double eps) {
  const auto convolve = [&](const std::string& name, const torch::Tensor& x) {
    return at::conv3d(x.unsqueeze(-1), p[prefix + name + ".weight"], p[prefix + name + ".bias"], 1,
                      torch::IntArrayRef{1, 0, 0})
        .squeeze(-1);
  };
  torch::Tensor h_BCFS = convolve("conv1", activated(p, prefix + "norm1", x_BCFS, eps));
  if (silu_temb_BE.defined()) {
    h_BCFS = h_BCFS + embedded(p, prefix, silu_temb_BE).view({2, -1, 1, 1});
  }
  return x_BCFS + convolve("conv2", activated(p, prefix + "norm2", h_BCFS, eps));
}

/// Draws the embedding of each clip; undefined for no channels.
torch::Tensor embedding_BE(std::int64_t channels) {
  return channels > 0 ? tensor::randn({2, channels}, 3) : torch::Tensor();
}

TEST(ResnetBlock2D, HasTheParametersOfDiffusers) {
  EXPECT_THAT(
      names_and_shapes(*ResnetBlock2D(
          ResnetBlockConfig{.in_channels = 32, .out_channels = 64, .temb_channels = 8})),
      ElementsAre("norm1.weight 32", "norm1.bias 32", "conv1.weight 64x32x3x3", "conv1.bias 64",
                  "time_emb_proj.weight 64x8", "time_emb_proj.bias 64", "norm2.weight 64",
                  "norm2.bias 64", "conv2.weight 64x64x3x3", "conv2.bias 64",
                  "conv_shortcut.weight 64x32x1x1", "conv_shortcut.bias 64"));
  EXPECT_THAT(
      names_and_shapes(*ResnetBlock2D(ResnetBlockConfig{.in_channels = 32, .out_channels = 32})),
      ElementsAre("norm1.weight 32", "norm1.bias 32", "conv1.weight 32x32x3x3", "conv1.bias 32",
                  "norm2.weight 32", "norm2.bias 32", "conv2.weight 32x32x3x3", "conv2.bias 32"));
}

TEST(ResnetBlock2D, IsItsFormulaWithAndWithoutEmbeddingAndShortcut) {
  torch::NoGradGuard no_grad;
  for (const std::int64_t in_channels : {32, 64}) {
    for (const std::int64_t temb_channels : {0, 8}) {
      ResnetBlock2D block(ResnetBlockConfig{.in_channels = in_channels,
                                            .out_channels = 64,
                                            .temb_channels = temb_channels,
                                            .eps = 0.5});
      test::fill_parameters(*block, 1);
      const torch::Tensor x_NChw = tensor::randn({6, in_channels, 5, 4}, 2);
      const torch::Tensor silu_temb_BE = embedding_BE(temb_channels);
      const torch::Tensor wanted =
          spatial_by_hand(block->named_parameters(), "", x_NChw, silu_temb_BE, 0.5);
      EXPECT_TRUE(torch::allclose(block(x_NChw, silu_temb_BE), wanted, 1e-4, 1e-5))
          << in_channels << " channels, embedding of " << temb_channels;
    }
  }
}

TEST(TemporalResnetBlock, HasTheParametersOfDiffusers) {
  EXPECT_THAT(
      names_and_shapes(*TemporalResnetBlock(64, 8, 1e-6)),
      ElementsAre("norm1.weight 64", "norm1.bias 64", "conv1.weight 64x64x3x1x1", "conv1.bias 64",
                  "time_emb_proj.weight 64x8", "time_emb_proj.bias 64", "norm2.weight 64",
                  "norm2.bias 64", "conv2.weight 64x64x3x1x1", "conv2.bias 64"));
}

TEST(TemporalResnetBlock, IsTheSameFormulaAlongTime) {
  torch::NoGradGuard no_grad;
  const torch::Tensor x_BCFS = tensor::randn({2, 64, 3, 20}, 2);
  for (const std::int64_t temb_channels : {0, 8}) {
    TemporalResnetBlock block(64, temb_channels, 0.5);
    test::fill_parameters(*block, 1);
    const torch::Tensor silu_temb_BE = embedding_BE(temb_channels);
    const torch::Tensor wanted =
        temporal_by_hand(block->named_parameters(), "", x_BCFS, silu_temb_BE, 0.5);
    EXPECT_TRUE(torch::allclose(block(x_BCFS, silu_temb_BE), wanted, 1e-4, 1e-5)) << temb_channels;
  }
}

TEST(TemporalResnetBlock, IsTheIdentityWithoutItsLastConvolution) {
  torch::NoGradGuard no_grad;
  TemporalResnetBlock block(32, 8, 1e-6);
  test::fill_parameters(*block, 1);
  const auto p = block->named_parameters();
  p["conv2.weight"].zero_();
  p["conv2.bias"].zero_();
  const torch::Tensor x_BCFS = tensor::randn({2, 32, 3, 20}, 2);
  EXPECT_TRUE(torch::equal(block(x_BCFS, embedding_BE(8)), x_BCFS));
}

TEST(SpatioTemporalResBlock, HoldsBothBlocksAndTheirMixByTheirPublishedNames) {
  const SpatioTemporalResBlock block(
      SpatioTemporalResBlockConfig{.in_channels = 32, .out_channels = 64, .temb_channels = 8});
  std::vector<std::string> wanted = names_and_shapes(
      *ResnetBlock2D(ResnetBlockConfig{.in_channels = 32, .out_channels = 64, .temb_channels = 8}),
      "spatial_res_block.");
  for (const std::string& name :
       names_and_shapes(*TemporalResnetBlock(64, 8, 1e-6), "temporal_res_block.")) {
    wanted.push_back(name);
  }
  wanted.push_back("time_mixer.mix_factor 1");
  EXPECT_EQ(names_and_shapes(*block), wanted);
}

TEST(SpatioTemporalResBlock, MixesTheImagesWithWhatTheTemporalBlockMakesOfThem) {
  torch::NoGradGuard no_grad;
  for (const std::int64_t temb_channels : {0, 8}) {
    for (const bool switched : {false, true}) {
      SpatioTemporalResBlock block(SpatioTemporalResBlockConfig{.in_channels = 32,
                                                                .out_channels = 64,
                                                                .temb_channels = temb_channels,
                                                                .eps = 0.5,
                                                                .temporal_eps = 0.25,
                                                                .switched_mix = switched});
      test::fill_parameters(*block, 1);
      const auto p = block->named_parameters();
      const torch::Tensor x_NChw = tensor::randn({6, 32, 5, 4}, 2);
      const torch::Tensor silu_temb_BE = embedding_BE(temb_channels);

      const torch::Tensor y_NChw =
          spatial_by_hand(p, "spatial_res_block.", x_NChw, silu_temb_BE, 0.5);
      // Image n is frame n % 3 of clip n / 3.
      const torch::Tensor y_BCFS = y_NChw.reshape({2, 3, 64, 20}).transpose(1, 2);
      const torch::Tensor z_BCFS =
          temporal_by_hand(p, "temporal_res_block.", y_BCFS, silu_temb_BE, 0.25);
      const torch::Tensor z_NChw = z_BCFS.transpose(1, 2).reshape({6, 64, 5, 4});
      const double alpha = 1 / (1 + std::exp(-p["time_mixer.mix_factor"].item<double>()));
      const double share = switched ? 1 - alpha : alpha;
      EXPECT_TRUE(torch::allclose(block(x_NChw, silu_temb_BE, 3),
                                  share * y_NChw + (1 - share) * z_NChw, 1e-4, 1e-5))
          << temb_channels << switched;
    }
  }
}

TEST(SpatioTemporalResBlock, KeepsFramesApartIfTheTemporalBlockAddsNothing) {
  torch::NoGradGuard no_grad;
  SpatioTemporalResBlock block(SpatioTemporalResBlockConfig{.in_channels = 32, .out_channels = 32});
  test::fill_parameters(*block, 1);
  const auto p = block->named_parameters();
  const torch::Tensor x_NChw = tensor::randn({6, 32, 5, 4}, 2);
  const auto frames_one_by_one = [&] {
    std::vector<torch::Tensor> frames;
    for (std::int64_t n = 0; n < 6; ++n) {
      frames.push_back(block(x_NChw.slice(0, n, n + 1), torch::Tensor(), 1));
    }
    return at::cat(frames);
  };
  EXPECT_FALSE(torch::allclose(block(x_NChw, torch::Tensor(), 3), frames_one_by_one(), 1e-3, 1e-3));
  p["temporal_res_block.conv2.weight"].zero_();
  p["temporal_res_block.conv2.bias"].zero_();
  EXPECT_TRUE(torch::allclose(block(x_NChw, torch::Tensor(), 3), frames_one_by_one(), 1e-4, 1e-5));
}

TEST(SpatioTemporalResBlock, StartsAtTheMixOfItsConfig) {
  SpatioTemporalResBlockConfig config{.in_channels = 32, .out_channels = 32};
  const auto start = [&] {
    SpatioTemporalResBlock block(config);
    initialize(*block, 1);
    return block->named_parameters()["time_mixer.mix_factor"].item<double>();
  };
  EXPECT_EQ(start(), 0.5);  // merge_factor of diffusers
  config.mix_factor = 0.25;
  EXPECT_EQ(start(), 0.25);
}

TEST(AlphaBlender, KeepsTheTypeOfWhatItMixes) {
  AlphaBlender blender(0.5);
  initialize(*blender, 1);
  const torch::Tensor x = torch::ones({2}, torch::kBFloat16);
  EXPECT_EQ(blender(x, 2 * x).scalar_type(), torch::kBFloat16);
}

TEST(AlphaBlender, LearnsItsMix) {
  AlphaBlender blender(0.5);
  initialize(*blender, 1);
  blender(torch::full({3}, 5.0), torch::full({3}, 3.0)).sum().backward();
  // The derivative of the sigmoid is alpha (1 - alpha); three times 5 - 3 hang on it.
  const double alpha = 1 / (1 + std::exp(-0.5));
  EXPECT_NEAR(blender->mix_factor.grad().item<double>(), 6 * alpha * (1 - alpha), 1e-5);
}

}  // namespace
}  // namespace vdd::nn
