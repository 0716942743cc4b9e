// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <fstream>

#include "vdd/core/text.h"
#include "vdd/models/autoencoder_kl_temporal_decoder.h"
#include "vdd/models/clip_vision.h"
#include "vdd/models/dpt_temporal.h"
#include "vdd/models/unet_spatio_temporal_condition.h"
#include "vdd/tensor/state_dict.h"

namespace vdd::models {
namespace {

// Names, order and shapes at full size, against the lists of tools/reference/names.py. Nothing
// touches the memory of the parameters.
void expect_names(const torch::nn::Module& module, const std::string& list) {
  std::ifstream file(std::string(VDD_FIXTURES) + "/names/" + list);
  ASSERT_TRUE(file);
  std::string line;
  for (const auto& [name, value] : tensor::state_dict(module)) {
    std::vector<std::string> shape;
    for (const std::int64_t size : value.sizes()) shape.push_back(std::to_string(size));
    ASSERT_TRUE(std::getline(file, line)) << "unexpected " << name;
    ASSERT_EQ(name + " " + join(shape, "x"), line);
  }
  EXPECT_FALSE(std::getline(file, line)) << "missing " << line;
}

TEST(Names, UNetEqualsDiffusers) {
  expect_names(*UNetSpatioTemporalConditionModel(UNetConfig{}), "unet.txt");
}

TEST(Names, VaeEqualsDiffusers) {
  const VaeConfig config{.down_block_types = std::vector<std::string>(4, "DownEncoderBlock2D"),
                         .block_out_channels = {128, 256, 512, 512},
                         .layers_per_block = 2};
  expect_names(*AutoencoderKLTemporalDecoder(config), "vae.txt");
}

TEST(Names, ImageEncoderEqualsTransformers) {
  const ClipConfig config{.hidden_size = 1280,
                          .intermediate_size = 5120,
                          .projection_dim = 1024,
                          .num_hidden_layers = 32,
                          .num_attention_heads = 16,
                          .patch_size = 14,
                          .hidden_act = nn::Activation::kGelu};
  expect_names(*CLIPVisionModelWithProjection(config), "clip.txt");
}

TEST(Names, HeadEqualsItsReference) {
  expect_names(*TemporalDptHead(DptConfig{}), "dpt.txt");
}

}  // namespace
}  // namespace vdd::models
