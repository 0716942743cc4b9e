// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/types.h>

#include <cstdint>

namespace vdd::models {

/// Gaussian blur against aliasing, then bicubic resize to size x size (corners aligned, aspect
/// ratio not kept, no clamp). x_N3HW float. Source: diffusers _resize_with_antialiasing of the
/// Stable Video Diffusion pipeline.
torch::Tensor resize_with_antialiasing(const torch::Tensor& x_NCHW, std::int64_t size);

/// Turns frames in [-1,1] into what the image encoder takes: float32, resized, mapped to [0,1] and
/// normalised by CLIP's mean and standard deviation. [T,3,H,W] -> [T,3,size,size].
torch::Tensor preprocess_clip(const torch::Tensor& frames_T3HW, std::int64_t size = 224);

}  // namespace vdd::models
