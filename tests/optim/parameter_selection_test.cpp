// SPDX-License-Identifier: Apache-2.0
#include "vdd/optim/parameter_selection.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <set>

#include "support/field_count.h"
#include "support/thrown.h"
#include "vdd/core/error.h"

namespace vdd::optim {
namespace {

using torch::Tensor;

tensor::NamedTensors named(const std::vector<std::string>& names,
                           torch::Dtype dtype = torch::kFloat32) {
  tensor::NamedTensors out;
  for (const std::string& name : names) out.emplace_back(name, torch::zeros({2, 3}, dtype));
  return out;
}

TEST(MatchesName, WholeSegments) {
  EXPECT_TRUE(matches_name("*", "conv_in.weight"));
  EXPECT_TRUE(matches_name("conv_in", "conv_in.weight"));
  EXPECT_TRUE(matches_name("attn2.to_q", "a.transformer_blocks.0.attn2.to_q.weight"));
  EXPECT_TRUE(matches_name("a.*.norm2", "x.a.0.b.norm2.bias"));
  EXPECT_TRUE(matches_name("up_blocks.?", "up_blocks.3.conv"));
  EXPECT_FALSE(matches_name("conv", "conv_in.weight"));
  EXPECT_FALSE(matches_name("transformer_blocks", "a.temporal_transformer_blocks.0.ff"));
  EXPECT_FALSE(matches_name("to_q", "a.to_q_proj.weight"));
}

// Names of each kind that Stable Video Diffusion's UNet has. The ones that concern the
// diffusion time train, those that concern the order of frames do not.
TEST(SelectParameters, StageOneTrainsAllButWhatIsTemporalOrIdle) {
  const std::string resnet = "down_blocks.0.resnets.0.", attention = "up_blocks.3.attentions.2.",
                    block = attention + "transformer_blocks.0.",
                    temporal = attention + "temporal_transformer_blocks.0.";
  const std::vector<std::string> trained = {
      "add_embedding.linear_1.weight",
      "time_embedding.linear_2.bias",
      "conv_in.weight",
      "conv_norm_out.bias",
      resnet + "spatial_res_block.time_emb_proj.weight",
      resnet + "spatial_res_block.norm2.weight",
      "down_blocks.0.downsamplers.0.conv.weight",
      attention + "proj_in.weight",
      block + "attn1.to_q.weight",
      block + "attn2.to_v.weight",
      block + "attn2.to_out.0.bias",
      block + "norm1.weight",
      block + "norm3.bias",
      block + "ff.net.0.proj.weight",
      "mid_block.resnets.1.spatial_res_block.conv1.weight",
  };
  const std::vector<std::string> frozen = {
      resnet + "temporal_res_block.conv1.weight",
      resnet + "temporal_res_block.time_emb_proj.bias",
      resnet + "time_mixer.mix_factor",
      attention + "time_mixer.mix_factor",
      attention + "time_pos_embed.linear_1.weight",
      temporal + "attn1.to_q.weight",
      temporal + "norm_in.weight",
      temporal + "ff_in.net.2.bias",
      block + "attn2.to_q.weight",
      block + "attn2.to_k.weight",
      block + "norm2.weight",
      block + "norm2.bias",
  };
  std::vector<std::string> all = trained;
  all.insert(all.end(), frozen.begin(), frozen.end());
  const Selection selection =
      select_parameters(named(all), preset_patterns(TrainedPreset::kSpatial));

  ASSERT_EQ(selection.parameters.size(), all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(selection.parameters[i].trained, i < trained.size()) << all[i];
    EXPECT_EQ(selection.parameters[i].tensor.requires_grad(), i < trained.size()) << all[i];
  }
  EXPECT_EQ(selection.trained().size(), trained.size());
  EXPECT_EQ(selection.frozen().size(), frozen.size());
}

TEST(SelectParameters, LastPatternThatFitsDecides) {
  const auto names = named({"a.weight", "a.bias", "b.weight", "c.weight"});
  const Selection selection = select_parameters(names, {"*.weight", "!b", "a"});
  std::vector<bool> trained;
  for (const auto& p : selection.parameters) trained.push_back(p.trained);
  EXPECT_EQ(trained, (std::vector<bool>{true, true, false, true}));
  EXPECT_EQ(selection.parameters[0].pattern, "a");
  EXPECT_EQ(selection.parameters[2].pattern, "!b");
}

TEST(SelectParameters, TableCountsGroups) {
  const Selection selection =
      select_parameters(named({"conv_in.weight", "down_blocks.0.a.weight", "down_blocks.0.b.weight",
                               "down_blocks.1.b.weight"}),
                        {"*", "!b"});
  EXPECT_EQ(selection.table(),
            "group                 tensors     parameters  trained        trained\n"
            "conv_in                     1              6        1              6\n"
            "down_blocks.0               2             12        1              6\n"
            "down_blocks.1               1              6        0              0\n"
            "total                       4             24        2             12\n"
            "frozen: !b                  2             12\n");
}

TEST(SelectParameters, RefusesWhatCannotBeMeant) {
  const auto names = named({"a.weight"});
  EXPECT_EQ(test::thrown<ConfigError>([&] {
              select_parameters(names, {"*", "attention"});
            }),
            "trained.patterns: pattern 'attention' fits no parameter");
  EXPECT_EQ(test::thrown<ConfigError>([&] {
              select_parameters(names, {"*", "!a"});
            }),
            "trained.patterns: no parameter trains");
  EXPECT_EQ(
      test::thrown<ConfigError>([&] { select_parameters(named({"a"}, torch::kFloat16), {"*"}); }),
      "trained.patterns: a is fp16, but weights train in fp32");
  EXPECT_NO_THROW(select_parameters(names, {"*", "!fits_nothing"}));
}

TEST(NamedParameters, StateDictOrderAndLiveTensors) {
  torch::nn::Sequential inner(torch::nn::Linear(2, 3), torch::nn::BatchNorm1d(3));
  const auto parameters = tensor::named_parameters(*inner, "net.");
  std::vector<std::string> names;
  for (const auto& [name, value] : parameters) names.push_back(name);
  EXPECT_EQ(names,
            (std::vector<std::string>{"net.0.weight", "net.0.bias", "net.1.weight", "net.1.bias"}));
  select_parameters(parameters, {"*", "!0.bias"});
  EXPECT_FALSE(inner->parameters()[1].requires_grad());
}

TEST(SelectionConfig, PatternsStandInThePlaceOfThePreset) {
  SelectionConfig config;
  EXPECT_EQ(config.in_force(), preset_patterns(TrainedPreset::kSpatial));
  EXPECT_EQ(config.in_force({"!last"}).back(), "!last");
  config.patterns = {"own"};
  EXPECT_EQ(config.in_force({"!last"}), std::vector<std::string>{"own"});
}

TEST(SelectionConfig, SpatialAndTemporalShareNothingAndAllHoldsBoth) {
  const std::vector<std::string> names = {
      "down_blocks.0.resnets.0.spatial_res_block.conv1.weight",
      "down_blocks.0.resnets.0.temporal_res_block.conv1.weight",
      "down_blocks.0.resnets.0.time_mixer.mix_factor",
      "mid_block.attentions.0.transformer_blocks.0.attn1.to_q.weight",
      "mid_block.attentions.0.temporal_transformer_blocks.0.attn1.to_q.weight",
      "mid_block.attentions.0.time_pos_embed.linear_1.weight",
      "conv_out.weight"};
  const auto trained = [&](TrainedPreset preset) {
    std::set<std::string> found;
    for (const auto& [name, value] :
         select_parameters(named(names), preset_patterns(preset)).trained())
      found.insert(name);
    return found;
  };
  std::set<std::string> both = trained(TrainedPreset::kSpatial);
  EXPECT_EQ(both.size(), 3U);
  both.merge(trained(TrainedPreset::kTemporal));
  EXPECT_EQ(both.size(), names.size());
  EXPECT_EQ(trained(TrainedPreset::kAll), both);
}

TEST(SelectionConfig, EveryFieldIsListed) {
  EXPECT_EQ(test::listed_fields<SelectionConfig>(), test::count_members<SelectionConfig>());
}

}  // namespace
}  // namespace vdd::optim
