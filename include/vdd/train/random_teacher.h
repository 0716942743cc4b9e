// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "vdd/diffusion/euler_schedule.h"
#include "vdd/models/autoencoder_kl_temporal_decoder.h"
#include "vdd/models/clip_vision.h"
#include "vdd/models/unet_spatio_temporal_condition.h"

namespace vdd::train {

/// Sizes of a teacher that nobody trained: Stable Video Diffusion's four levels, as small as they
/// go.
struct RandomTeacherConfig {
  std::int64_t seed = 0;
  models::UNetConfig unet = {.block_out_channels = {32, 64, 64, 64},
                             .addition_time_embed_dim = 32,
                             .projection_class_embeddings_input_dim = 96,
                             .layers_per_block = {1},
                             .cross_attention_dim = {32},
                             .num_attention_heads = {1, 2, 2, 2}};
  models::VaeConfig vae = {.down_block_types = std::vector<std::string>(4, "DownEncoderBlock2D"),
                           .block_out_channels = {32, 32, 64, 64},
                           .layers_per_block = 1};
  models::ClipConfig image_encoder = {.hidden_size = 32,
                                      .intermediate_size = 64,
                                      .projection_dim = 32,
                                      .num_hidden_layers = 2,
                                      .num_attention_heads = 2,
                                      .patch_size = 56,
                                      .hidden_act = "gelu"};

  constexpr void fields(auto& f) {
    f("seed", seed, "of the weights", non_negative);
    f("unet", unet, "as in a published unet/config.json");
    f("vae", vae, "as in a published vae/config.json");
    f("image_encoder", image_encoder, "as in a published image_encoder/config.json");
  }
  std::vector<std::string> check() const;
};

/// Writes a model folder with seeded random weights: PyTorch's default initialisation, then scales
/// brought to those of the published models, so that there is something to distil. RGB latents have
/// a standard deviation near 1 / scaling_factor, embeddings and the teacher's latents near 1,
/// decoded pictures near 0.5; and the latents follow the video more than the noise. The same config
/// gives the same bytes on one machine. Throws ConfigError if the folder exists.
void write_random_teacher(const std::filesystem::path& folder, const RandomTeacherConfig& config);

}  // namespace vdd::train
