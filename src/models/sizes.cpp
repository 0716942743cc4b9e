// SPDX-License-Identifier: Apache-2.0
#include "vdd/models/sizes.h"

namespace vdd::models {

UNetConfig tiny_unet() {
  UNetConfig config;
  config.block_out_channels = {32, 64, 64, 64};
  config.addition_time_embed_dim = 32;
  config.projection_class_embeddings_input_dim = 96;
  config.layers_per_block = {1};
  config.cross_attention_dim = {32};
  config.num_attention_heads = {1, 2, 2, 2};
  return config;
}

VaeConfig tiny_vae() {
  VaeConfig config;
  config.down_block_types.assign(4, "DownEncoderBlock2D");
  config.block_out_channels = {32, 32, 64, 64};
  return config;
}

ClipConfig tiny_image_encoder() {
  ClipConfig config;
  config.hidden_size = 32;
  config.intermediate_size = 64;
  config.projection_dim = 32;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 2;
  config.patch_size = 56;
  config.hidden_act = nn::Activation::kGelu;
  return config;
}

UNetConfig svd_unet() {
  return {};
}

VaeConfig svd_vae() {
  VaeConfig config;
  config.down_block_types.assign(4, "DownEncoderBlock2D");
  config.block_out_channels = {128, 256, 512, 512};
  config.layers_per_block = 2;
  return config;
}

ClipConfig svd_image_encoder() {
  ClipConfig config;
  config.hidden_size = 1280;
  config.intermediate_size = 5120;
  config.projection_dim = 1024;
  config.num_hidden_layers = 32;
  config.num_attention_heads = 16;
  config.patch_size = 14;
  config.hidden_act = nn::Activation::kGelu;
  return config;
}

ModelSizes tiny_model() {
  ModelSizes sizes;
  sizes.dpt_head = dpt_config("tiny", sizes.unet);
  return sizes;
}

ModelSizes svd_model() {
  ModelSizes sizes{.unet = svd_unet(), .vae = svd_vae(), .image_encoder = svd_image_encoder()};
  sizes.dpt_head = dpt_config("L", sizes.unet);
  return sizes;
}

}  // namespace vdd::models
