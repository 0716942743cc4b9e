// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "vdd/nn/initialize.h"
#include "vdd/pipeline/model_folder.h"

namespace vdd::test {

/// All three models, random, as small as the classes allow.
inline pipeline::DepthModel tiny_model(std::uint64_t seed = 1) {
  const models::UNetConfig unet{
      .sample_size = 8,
      .down_block_types = {models::DownBlockType::kCrossAttention, models::DownBlockType::kPlain},
      .up_block_types = {models::UpBlockType::kPlain, models::UpBlockType::kCrossAttention},
      .block_out_channels = {32, 64},
      .addition_time_embed_dim = 8,
      .projection_class_embeddings_input_dim = 24,
      .layers_per_block = {1},
      .cross_attention_dim = {16},
      .num_attention_heads = {2, 4},
      .num_frames = 3};
  const models::VaeConfig vae{.down_block_types = {"DownEncoderBlock2D", "DownEncoderBlock2D"},
                              .block_out_channels = {32, 32}};
  const models::ClipConfig clip{.hidden_size = 32,
                                .intermediate_size = 64,
                                .projection_dim = 16,
                                .num_hidden_layers = 1,
                                .num_attention_heads = 2,
                                .patch_size = 56,
                                .hidden_act = nn::Activation::kGelu};
  pipeline::DepthModel model;
  model.unet = models::UNetSpatioTemporalConditionModel(unet);
  model.vae = models::AutoencoderKLTemporalDecoder(vae);
  model.image_encoder = models::CLIPVisionModelWithProjection(clip);
  nn::initialize(*model.unet, seed);
  nn::initialize(*model.vae, seed + 1);
  nn::initialize(*model.image_encoder, seed + 2);
  return model;
}

/// A random head on that UNet.
inline models::TemporalDptHead tiny_head(const pipeline::DepthModel& model,
                                         std::uint64_t seed = 4) {
  models::TemporalDptHead head(models::dpt_config("tiny", model.unet->config()));
  nn::initialize(*head, seed);
  return head;
}

}  // namespace vdd::test
