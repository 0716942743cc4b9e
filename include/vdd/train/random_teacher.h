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

/// Stable Video Diffusion's layout (four levels, attention on the three finer ones), as small as it
/// goes.
models::UNetConfig tiny_unet();
models::VaeConfig tiny_vae();
models::ClipConfig tiny_image_encoder();

/// Sizes of a teacher that nobody trained.
struct RandomTeacherConfig {
  std::int64_t seed = 0;
  models::UNetConfig unet = tiny_unet();
  models::VaeConfig vae = tiny_vae();
  models::ClipConfig image_encoder = tiny_image_encoder();

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
/// decoded pictures near 0.5. The latents depend on the video and, as it does not denoise, on the
/// noise. The same config gives the same bytes on one machine, so a folder that is there or that
/// another process was quicker to make is kept.
void write_random_teacher(const std::filesystem::path& folder, const RandomTeacherConfig& config);

}  // namespace vdd::train
