// SPDX-License-Identifier: Apache-2.0
#include "vdd/models/unet_3d_blocks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <string>
#include <vector>

#include "support/reference_parameters.h"
#include "vdd/core/text.h"

// Legend: two clips of three frames; blocks are 64 channels wide, the oldest skip 32, the input of
// an up block 96.
namespace vdd::models {
namespace {

using testing::ElementsAre;

UNetBlockConfig block_config(std::int64_t heads, bool resample = true) {
  return {.in_channels = 32,
          .out_channels = 64,
          .prev_channels = 96,
          .temb_channels = 16,
          .num_layers = 2,
          .heads = heads,
          .cross_attention_dim = 8,
          .resample = resample};
}

BlockContext block_context() {
  return {.silu_temb_BE = tensor::randn({2, 16}, 11),
          .tokens_BLD = tensor::randn({2, 3, 8}, 12),
          .num_frames = 3};
}

/// Draws images whose variance lies near the epsilons of the group norms.
torch::Tensor faint(torch::IntArrayRef shape, std::uint64_t seed) {
  return 1e-3 * tensor::randn(shape, seed);
}

/// Fills the parameters so that all group norms see such variances.
void fill_faintly(torch::nn::Module& block) {
  test::fill_parameters(block, 1);
  torch::NoGradGuard no_grad;
  for (const auto& item : block.named_parameters()) {
    const std::string& name = item.key();
    bool scaled = name.ends_with(".bias");
    for (const char* part : {".conv1.", ".conv2.", ".time_emb_proj.", ".proj_out."}) {
      scaled = scaled || name.find(part) != std::string::npos;
    }
    if (scaled) item.value().mul_(1e-3);
  }
}

bool close_to(const torch::Tensor& a, const torch::Tensor& b) {
  return a.sizes() == b.sizes() && torch::allclose(a, b, 1e-4, 1e-7);
}

/// Lists the parts that own parameters, in order: "resnets.0".
std::vector<std::string> parts_of(const torch::nn::Module& block) {
  std::vector<std::string> parts;
  for (const auto& item : block.named_parameters()) {
    const std::vector<std::string> words = split(item.key(), '.');
    const std::string part = concat(words.at(0), '.', words.at(1));
    if (parts.empty() || parts.back() != part) parts.push_back(part);
  }
  return parts;
}

std::vector<std::int64_t> shape_of(const torch::nn::Module& block, const std::string& name) {
  return block.named_parameters()[name].sizes().vec();
}

/// Gives `part` the values of what `block` holds by this name.
template <typename Part>
Part with_values_of(Part part, const torch::nn::Module& block, const std::string& name) {
  torch::NoGradGuard no_grad;
  const auto values = block.named_parameters();
  for (const auto& item : part->named_parameters()) {
    item.value().copy_(values[concat(name, '.', item.key())]);
  }
  return part;
}

/// Makes the resnet of a block again, by itself.
nn::SpatioTemporalResBlock resnet_of(const torch::nn::Module& block, int i, double eps) {
  const std::string name = concat("resnets.", i);
  const std::vector<std::int64_t> shape = shape_of(block, name + ".spatial_res_block.conv1.weight");
  return with_values_of(
      nn::SpatioTemporalResBlock(nn::SpatioTemporalResBlockConfig{.in_channels = shape[1],
                                                                  .out_channels = shape[0],
                                                                  .temb_channels = 16,
                                                                  .eps = eps,
                                                                  .temporal_eps = eps}),
      block, name);
}

nn::TransformerSpatioTemporalModel attention_of(const torch::nn::Module& block, int i) {
  return with_values_of(nn::TransformerSpatioTemporalModel(nn::TransformerSpatioTemporalConfig{
                            .channels = 64, .heads = 2, .num_layers = 1, .cross_attention_dim = 8}),
                        block, concat("attentions.", i));
}

TEST(DownBlock, HasThePartsAndWidthsOfDiffusers) {
  const DownBlock block(block_config(2));
  EXPECT_THAT(parts_of(*block), ElementsAre("attentions.0", "attentions.1", "resnets.0",
                                            "resnets.1", "downsamplers.0"));
  EXPECT_THAT(parts_of(*DownBlock(block_config(0, false))), ElementsAre("resnets.0", "resnets.1"));

  const std::string first = "resnets.0.spatial_res_block.";
  EXPECT_THAT(shape_of(*block, first + "conv1.weight"), ElementsAre(64, 32, 3, 3));
  EXPECT_THAT(shape_of(*block, first + "conv_shortcut.weight"), ElementsAre(64, 32, 1, 1));
  EXPECT_THAT(shape_of(*block, first + "time_emb_proj.weight"), ElementsAre(64, 16));
  EXPECT_THAT(shape_of(*block, "resnets.1.spatial_res_block.conv1.weight"),
              ElementsAre(64, 64, 3, 3));
  EXPECT_FALSE(
      block->named_parameters().contains("resnets.1.spatial_res_block.conv_shortcut.weight"));
  EXPECT_THAT(shape_of(*block, "attentions.1.transformer_blocks.0.attn2.to_k.weight"),
              ElementsAre(64, 8));
  EXPECT_THAT(shape_of(*block, "downsamplers.0.conv.weight"), ElementsAre(64, 64, 3, 3));
}

TEST(DownBlock, RunsEachResnetThenItsAttentionAndKeepsEverySkip) {
  torch::NoGradGuard no_grad;
  const BlockContext context = block_context();
  for (const std::int64_t heads : {0, 2}) {
    DownBlock block(block_config(heads));
    fill_faintly(*block);
    const auto p = block->named_parameters();
    torch::Tensor x_NChw = faint({6, 32, 7, 9}, 2);
    std::vector<torch::Tensor> wanted = {x_NChw}, skips = {x_NChw};
    const torch::Tensor result = block(x_NChw, context, skips);

    // The epsilon of diffusers' CrossAttnDownBlockSpatioTemporal, and of DownBlockSpatioTemporal.
    const double eps = heads > 0 ? 1e-6 : 1e-5;
    for (int i = 0; i < 2; ++i) {
      x_NChw = resnet_of(*block, i, eps)(x_NChw, context.silu_temb_BE, 3);
      if (heads > 0) x_NChw = attention_of(*block, i)(x_NChw, context.tokens_BLD, 3);
      wanted.push_back(x_NChw);
    }
    wanted.push_back(
        at::conv2d(x_NChw, p["downsamplers.0.conv.weight"], p["downsamplers.0.conv.bias"], 2, 1));
    ASSERT_EQ(skips.size(), wanted.size());
    for (std::size_t i = 0; i < skips.size(); ++i) {
      EXPECT_TRUE(close_to(skips[i], wanted[i])) << heads << " heads, skip " << i;
    }
    EXPECT_TRUE(torch::equal(result, skips.back()));
    EXPECT_EQ(result.sizes(), torch::IntArrayRef({6, 64, 4, 5}));  // half of 7 x 9, rounded up
  }
}

TEST(DownBlock, KeepsTheSizeAtTheCoarsestLevel) {
  torch::NoGradGuard no_grad;
  DownBlock block(block_config(0, false));
  test::fill_parameters(*block, 1);
  std::vector<torch::Tensor> skips;
  const torch::Tensor result = block(tensor::randn({6, 32, 7, 9}, 2), block_context(), skips);
  EXPECT_EQ(result.sizes(), torch::IntArrayRef({6, 64, 7, 9}));
  ASSERT_EQ(skips.size(), 2u);
  EXPECT_TRUE(torch::equal(result, skips.back()));
}

TEST(MidBlock, RunsAttentionBetweenTwoResnets) {
  torch::NoGradGuard no_grad;
  MidBlock block(block_config(2));
  EXPECT_THAT(parts_of(*block), ElementsAre("attentions.0", "resnets.0", "resnets.1"));
  fill_faintly(*block);
  const BlockContext context = block_context();
  torch::Tensor x_NChw = faint({6, 64, 4, 5}, 2);
  const torch::Tensor result = block(x_NChw, context);

  // The epsilon of diffusers' UNetMidBlockSpatioTemporal.
  x_NChw = resnet_of(*block, 0, 1e-5)(x_NChw, context.silu_temb_BE, 3);
  x_NChw = attention_of(*block, 0)(x_NChw, context.tokens_BLD, 3);
  x_NChw = resnet_of(*block, 1, 1e-5)(x_NChw, context.silu_temb_BE, 3);
  EXPECT_TRUE(close_to(result, x_NChw));
}

TEST(UpBlock, HasThePartsAndWidthsOfDiffusers) {
  UNetBlockConfig config = block_config(2);
  config.num_layers = 3;
  const UpBlock block(config);
  EXPECT_THAT(parts_of(*block), ElementsAre("attentions.0", "attentions.1", "attentions.2",
                                            "resnets.0", "resnets.1", "resnets.2", "upsamplers.0"));
  EXPECT_THAT(parts_of(*UpBlock(block_config(0, false))), ElementsAre("resnets.0", "resnets.1"));

  // Each resnet sees what comes from below or before it, and a skip.
  const std::vector<std::int64_t> inputs = {96 + 64, 64 + 64, 64 + 32};
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::string resnet = concat("resnets.", i, ".spatial_res_block.");
    EXPECT_THAT(shape_of(*block, resnet + "norm1.weight"), ElementsAre(inputs[i]));
    EXPECT_THAT(shape_of(*block, resnet + "conv_shortcut.weight"),
                ElementsAre(64, inputs[i], 1, 1));
  }
  EXPECT_THAT(shape_of(*block, "upsamplers.0.conv.weight"), ElementsAre(64, 64, 3, 3));
}

TEST(UpBlock, PutsTheNewestSkipBehindTheInputOfEachResnet) {
  torch::NoGradGuard no_grad;
  const BlockContext context = block_context();
  for (const std::int64_t heads : {0, 2}) {
    UpBlock block(block_config(heads));
    fill_faintly(*block);
    const auto p = block->named_parameters();
    torch::Tensor x_NChw = faint({6, 96, 4, 5}, 2);
    const torch::Tensor left = faint({6, 32, 8, 10}, 3), older = faint({6, 32, 4, 5}, 4),
                        newer = faint({6, 64, 4, 5}, 5);
    std::vector<torch::Tensor> skips = {left, older, newer};
    torch::Tensor pre_upsample;
    const torch::Tensor result = block(x_NChw, context, skips, pre_upsample);

    for (int i = 0; i < 2; ++i) {
      x_NChw = at::cat({x_NChw, i == 0 ? newer : older}, 1);
      // The epsilon of both up blocks of diffusers.
      x_NChw = resnet_of(*block, i, 1e-6)(x_NChw, context.silu_temb_BE, 3);
      if (heads > 0) x_NChw = attention_of(*block, i)(x_NChw, context.tokens_BLD, 3);
    }
    EXPECT_TRUE(close_to(pre_upsample, x_NChw)) << heads;
    const torch::Tensor doubled = x_NChw.repeat_interleave(2, 2).repeat_interleave(2, 3);
    EXPECT_TRUE(close_to(result, at::conv2d(doubled, p["upsamplers.0.conv.weight"],
                                            p["upsamplers.0.conv.bias"], 1, 1)))
        << heads;
    ASSERT_EQ(skips.size(), 1u);
    EXPECT_TRUE(torch::equal(skips[0], left));
  }
}

TEST(UpBlock, FitsTheSkipThatIsLeftElseDoublesTheSize) {
  torch::NoGradGuard no_grad;
  const auto size_of = [](bool resample, std::vector<torch::Tensor> skips) {
    UpBlock block(block_config(0, resample));
    test::fill_parameters(*block, 1);
    for (const std::int64_t channels : {32, 64}) {
      skips.push_back(tensor::randn({6, channels, 4, 5}, 3));
    }
    torch::Tensor pre_upsample;
    const torch::Tensor result =
        block(tensor::randn({6, 96, 4, 5}, 2), block_context(), skips, pre_upsample);
    EXPECT_EQ(pre_upsample.defined(), resample);
    return result.sizes().vec();
  };
  EXPECT_THAT(size_of(true, {torch::zeros({6, 32, 7, 9})}), ElementsAre(6, 64, 7, 9));
  EXPECT_THAT(size_of(true, {}), ElementsAre(6, 64, 8, 10));
  EXPECT_THAT(size_of(false, {}), ElementsAre(6, 64, 4, 5));
}

/// Compares outputs and all gradients of a block with and without recomputing.
template <typename Block, typename Forward>
void expect_same_when_recomputed(Block block, const Forward& forward) {
  test::fill_parameters(*block, 1);
  std::vector<torch::Tensor> outputs;
  std::vector<std::vector<torch::Tensor>> gradients;
  for (const bool recompute : {false, true}) {
    BlockContext context = block_context();
    context.recompute = recompute;
    std::vector<torch::Tensor> leaves = block->parameters();
    leaves.push_back(context.silu_temb_BE.requires_grad_());
    leaves.push_back(context.tokens_BLD.requires_grad_());
    outputs.push_back(forward(block, context));
    gradients.push_back(torch::autograd::grad({outputs.back().square().mean()}, leaves, {},
                                              /*retain_graph=*/false, /*create_graph=*/false,
                                              /*allow_unused=*/true));
  }
  EXPECT_TRUE(torch::equal(outputs[0], outputs[1]));
  for (std::size_t i = 0; i < gradients[0].size(); ++i) {
    const torch::Tensor &direct = gradients[0][i], &again = gradients[1][i];
    ASSERT_EQ(direct.defined(), again.defined()) << i;
    if (!direct.defined()) continue;
    EXPECT_LE((direct - again).abs().max().item<double>(), 1e-5 * direct.abs().max().item<double>())
        << i;
  }
}

TEST(DownBlock, RecomputingChangesNeitherOutputNorGradients) {
  expect_same_when_recomputed(DownBlock(block_config(2)),
                              [](DownBlock& block, const auto& context) {
                                std::vector<torch::Tensor> skips;
                                return block(tensor::randn({6, 32, 4, 5}, 2), context, skips);
                              });
}

TEST(MidBlock, RecomputingChangesNeitherOutputNorGradients) {
  expect_same_when_recomputed(MidBlock(block_config(2)), [](MidBlock& block, const auto& context) {
    return block(tensor::randn({6, 64, 4, 5}, 2), context);
  });
}

TEST(UpBlock, RecomputingChangesNeitherOutputNorGradients) {
  expect_same_when_recomputed(UpBlock(block_config(2)), [](UpBlock& block, const auto& context) {
    std::vector<torch::Tensor> skips = {tensor::randn({6, 32, 4, 5}, 3),
                                        tensor::randn({6, 64, 4, 5}, 4)};
    torch::Tensor pre_upsample;
    return block(tensor::randn({6, 96, 4, 5}, 2), context, skips, pre_upsample);
  });
}

TEST(DownBlock, RecomputingKeepsNothingBetweenTheLeavesAndTheResult) {
  UNetBlockConfig config = block_config(0, false);
  config.num_layers = 1;
  DownBlock block(config);
  test::fill_parameters(*block, 1);
  BlockContext context = block_context();
  context.recompute = true;
  std::vector<torch::Tensor> skips;
  const torch::Tensor result = block(tensor::randn({6, 32, 4, 5}, 2), context, skips);
  for (const auto& edge : result.grad_fn()->next_edges()) {
    EXPECT_TRUE(!edge.is_valid() || edge.function->name() == "torch::autograd::AccumulateGrad");
  }
}

}  // namespace
}  // namespace vdd::models
