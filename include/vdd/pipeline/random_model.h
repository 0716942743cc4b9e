// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "vdd/models/sizes.h"
#include "vdd/pipeline/model_folder.h"

// Models that nobody trained. Weights are PyTorch's default initialisation from
// derive_seed(seed, 0, <folder of the part>); without gradients. On the meta device there are none.
namespace vdd::pipeline {

models::UNetSpatioTemporalConditionModel random_unet(const models::UNetConfig& config,
                                                     std::uint64_t seed,
                                                     const LoadTarget& target = {});
models::AutoencoderKLTemporalDecoder random_vae(const models::VaeConfig& config, std::uint64_t seed,
                                                const LoadTarget& target = {});
models::CLIPVisionModelWithProjection random_image_encoder(const models::ClipConfig& config,
                                                           std::uint64_t seed,
                                                           const LoadTarget& target = {});
/// All parts that `sizes` has; the VAE with a type of its own, as LoadSpec has one.
DepthModel random_model(const models::ModelSizes& sizes, std::uint64_t seed,
                        const LoadTarget& target = {}, torch::Dtype vae_dtype = torch::kFloat32);

/// Sizes and seed of a random teacher.
struct RandomTeacherConfig {
  std::int64_t seed = 0;
  models::UNetConfig unet = models::tiny_unet();
  models::VaeConfig vae = models::tiny_vae();
  models::ClipConfig image_encoder = models::tiny_image_encoder();

  constexpr void fields(auto& f) {
    f("seed", seed, "seed of the random weights", non_negative);
    f("unet", unet, "sizes of the UNet, with the keys of a published unet/config.json");
    f("vae", vae, "sizes of the VAE, with the keys of a published vae/config.json");
    f("image_encoder", image_encoder,
      "sizes of the image encoder, with the keys of a published image_encoder/config.json");
  }
  std::vector<std::string> check() const;
};

/// Writes a model folder with random weights whose scales are brought to those of the published
/// models, so that there is something to distil. RGB latents have a standard deviation near
/// 1 / scaling_factor, embeddings and the teacher's latents near 1, decoded pictures near 0.5. The
/// latents depend on the video and, as it does not denoise, on the noise. The same config gives the
/// same bytes on one machine, so a folder that is there or that another process was quicker to make
/// is kept.
void write_random_teacher(const std::filesystem::path& folder, const RandomTeacherConfig& config);

}  // namespace vdd::pipeline
