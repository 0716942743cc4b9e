// SPDX-License-Identifier: Apache-2.0
// Legend: N images, C latent channels, H W pixels, h w latent pixels.
#pragma once

#include <torch/types.h>

#include <cstdint>

#include "vdd/data/clip.h"
#include "vdd/teach/train_vae_config.h"

namespace vdd::teach {

/// Cuts of one clip, K of T frames each.
struct VaeBatch {
  torch::Tensor target_NCHW;     ///< [K*T,3,size,size] in [-1,1], frames of a cut in a row
  torch::Tensor is_disparity_N;  ///< bool
  torch::Tensor corner_K2;       ///< int64, top row and left column of each cut
  std::int64_t frames = 0;       ///< T
};

/// The cuts of sample `n`, drawn from (seed, n), their corners on multiples of `grid` pixels.
/// config.disparity of the cuts of all samples, evenly spread, show the clip's disparity d as 2d-1
/// on three channels; all show RGB if the clip has none.
VaeBatch draw_crops(const data::Clip& clip, const CropConfig& config, std::uint64_t seed,
                    std::int64_t n, std::int64_t grid = 1);

/// Latents of the batch's cuts, those of disparity replaced by the same places of a teacher's
/// answer for the whole clip, answer_TChw, which is not multiplied by the scaling factor. The cuts
/// lie on the latent's grid, of `scale` pixels.
torch::Tensor with_answer(const torch::Tensor& z_NChw, const VaeBatch& batch,
                          const torch::Tensor& answer_TChw, std::int64_t scale);

/// Latents as inexact as a UNet's: those of disparity images get noise, of `largest` standard
/// deviations of their channel (over all of them) times a level that is drawn for each cut of
/// `frames` frames, evenly from [0,1]. A function of `seed`.
torch::Tensor disturbed_depth(const torch::Tensor& z_NChw, const torch::Tensor& is_disparity_N,
                              std::int64_t frames, double largest, std::uint64_t seed);

}  // namespace vdd::teach
