// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "vdd/models/autoencoder_kl_temporal_decoder.h"
#include "vdd/models/clip_vision.h"

// Legend: T frames, H W pixels, h w latent pixels (H/8, W/8 for the published VAE), D CLIP's
// projection width.
namespace vdd::pipeline {

/// Conditions under which a video is denoised.
struct Conditioning {
  /// float32, the mode of E(X), not multiplied by the scaling factor.
  torch::Tensor rgb_latent_TChw;
  torch::Tensor image_embeds_TD;  ///< float32, one CLIP embedding per frame

  std::int64_t frames() const { return rgb_latent_TChw.size(0); }
  Conditioning slice(std::int64_t start, std::int64_t end) const {
    return {rgb_latent_TChw.slice(0, start, end), image_embeds_TD.slice(0, start, end)};
  }
};

/// Encodes a clip the way DepthCrafter does: embeddings of the clean frames, latents of rgb +
/// noise_aug * pixel_noise. rgb_T3HW: in [-1,1], H and W multiples of the VAE's scale;
/// pixel_noise_T3HW: unit normal, or undefined for none. Frames run in chunks, which does not
/// change values. No gradients; results in float32 on the models' device. Throws ShapeError.
Conditioning encode_video(models::AutoencoderKLTemporalDecoder& vae,
                          models::CLIPVisionModelWithProjection& clip,
                          const torch::Tensor& rgb_T3HW, double noise_aug = 0.02,
                          const torch::Tensor& pixel_noise_T3HW = {}, std::int64_t chunk = 8);

}  // namespace vdd::pipeline
