// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "vdd/diffusion/euler_schedule.h"
#include "vdd/models/unet_spatio_temporal_condition.h"
#include "vdd/pipeline/conditioning.h"

// Teacher, student, long videos and decoding. A "scaled" latent lives in the space of the
// diffusion, multiplied by the VAE's scaling factor. Legend: T frames, h w latent pixels, C latent
// channels.
namespace vdd::pipeline {

/// DepthCrafter's added time ids [1,3]: fps 7, motion bucket 127, noise augmentation strength.
torch::Tensor added_time_ids(double noise_aug = 0.02);

/// U(cat(c_in x, r)) for one clip; scaled_TChw = c_in x, timestep a scalar. Inputs are cast to the
/// UNet's dtype, the result to float32. Differentiable.
torch::Tensor run_unet(models::UNetSpatioTemporalConditionModel& unet,
                       const torch::Tensor& scaled_TChw, const torch::Tensor& timestep,
                       const Conditioning& conditioning, double noise_aug = 0.02,
                       models::Taps* taps = nullptr);

/// The frozen teacher: n Euler steps from noise_TChw (unit normal). Returns the scaled latent
/// [T,C,h,w], float32. No gradients.
torch::Tensor teacher_sample(models::UNetSpatioTemporalConditionModel& unet,
                             const diffusion::EulerSchedule& schedule, std::int64_t steps,
                             const Conditioning& conditioning, const torch::Tensor& noise_TChw,
                             double noise_aug = 0.02);

/// The one-step student: D = c_skip x + c_out U(cat(c_in x, r)), computed directly and not through
/// an Euler step, which cancels at sigma 700. x_TChw has noise level sigma: init_noise_sigma times
/// unit noise, or times what stands in for it. Returns the scaled latent, float32. Differentiable.
torch::Tensor student_denoise(models::UNetSpatioTemporalConditionModel& unet,
                              const Conditioning& conditioning, const torch::Tensor& x_TChw,
                              double sigma = 700, double noise_aug = 0.02,
                              models::Taps* taps = nullptr);

struct WindowConfig {
  std::int64_t steps = 5;
  std::int64_t window = 110;
  std::int64_t overlap = 25;
  double noise_aug = 0.02;

  constexpr void fields(auto& f) {
    f("steps", steps, "sampler steps", positive);
    f("window", window, "frames that are denoised together", positive);
    f("overlap", overlap, "frames that two windows share", non_negative);
    f("noise_aug", noise_aug, "strength of the noise on the encoded frames", non_negative);
  }
  std::vector<std::string> check() const;
};

struct WindowState {
  std::int64_t index;
  torch::Tensor start_TChw,
      end_TChw;  ///< the window's latent before its first and after its last step
};

/// DepthCrafter's sampler for videos of any length: windows that overlap, start from the blend of
/// the result so far and the noise, and are cross-faded in latent space. noise_TChw: unit normal,
/// min(window, T) frames; a frame keeps its noise from one window to the next. overlap = 0 joins
/// plain windows. Returns the scaled latent [T,C,h,w], float32. No gradients. Source:
/// Tencent/DepthCrafter depthcrafter/depth_crafter_ppl.py at guidance scale 1.
torch::Tensor sample_windows(models::UNetSpatioTemporalConditionModel& unet,
                             const diffusion::EulerSchedule& schedule, const WindowConfig& config,
                             const Conditioning& conditioning, const torch::Tensor& noise_TChw,
                             const std::function<void(const WindowState&)>& observer = {});

/// Decodes a scaled latent in chunks of frames, each a clip of its own as in the original:
/// [T,C,h,w] -> [T,3,H,W] float32, about [-1,1]. No gradients.
torch::Tensor decode_video(models::AutoencoderKLTemporalDecoder& vae,
                           const torch::Tensor& latent_TChw, std::int64_t chunk = 8);

/// Decoded images to disparity: mapped to [0,1], clamped, averaged over the channels, then min-max
/// normalised over the whole clip (all zero if it is constant). [T,3,H,W] -> [T,H,W] float32 in
/// [0,1], near = 1.
torch::Tensor disparity_from_rgb(const torch::Tensor& decoded_T3HW);

/// decode_video, then disparity_from_rgb.
torch::Tensor decode_disparity(models::AutoencoderKLTemporalDecoder& vae,
                               const torch::Tensor& latent_TChw, std::int64_t chunk = 8);

}  // namespace vdd::pipeline
