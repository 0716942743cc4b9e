// SPDX-License-Identifier: Apache-2.0
#include "vdd/pipeline/conditioning.h"

#include <torch/torch.h>

#include <algorithm>

#include "vdd/core/error.h"
#include "vdd/core/text.h"
#include "vdd/models/clip_preprocessing.h"

namespace vdd::pipeline {

Conditioning encode_video(models::AutoencoderKLTemporalDecoder& vae,
                          models::CLIPVisionModelWithProjection& clip,
                          const torch::Tensor& rgb_T3HW, double noise_aug,
                          const torch::Tensor& pixel_noise_T3HW, std::int64_t chunk) {
  if (rgb_T3HW.dim() != 4 || rgb_T3HW.size(1) != 3 || rgb_T3HW.size(0) == 0) {
    throw ShapeError(concat("video: wanted [T,3,H,W], got ", rgb_T3HW.sizes()));
  }
  if (pixel_noise_T3HW.defined() && pixel_noise_T3HW.sizes() != rgb_T3HW.sizes()) {
    throw ShapeError(
        concat("pixel noise: wanted ", rgb_T3HW.sizes(), ", got ", pixel_noise_T3HW.sizes()));
  }
  torch::NoGradGuard no_grad;
  const std::int64_t frames = rgb_T3HW.size(0);
  std::vector<torch::Tensor> latents, embeds;
  for (std::int64_t start = 0; start < frames; start += chunk) {
    const std::int64_t end = std::min(start + chunk, frames);
    const torch::Tensor rgb = rgb_T3HW.slice(0, start, end).to(vae->device(), torch::kFloat32);
    embeds.push_back(
        clip(models::preprocess_clip(rgb, clip->config().image_size)).to(torch::kFloat32));
    const torch::Tensor noisy =
        pixel_noise_T3HW.defined()
            ? rgb + noise_aug * pixel_noise_T3HW.slice(0, start, end).to(rgb.device())
            : rgb;
    latents.push_back(vae->encode_mode(noisy).to(torch::kFloat32));
  }
  return {.rgb_latent_TChw = at::cat(latents), .image_embeds_TD = at::cat(embeds)};
}

}  // namespace vdd::pipeline
