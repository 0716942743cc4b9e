// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "vdd/diffusion/euler_schedule.h"
#include "vdd/models/dpt_temporal.h"
#include "vdd/models/unet_spatio_temporal_condition.h"
#include "vdd/pipeline/conditioning.h"
#include "vdd/pipeline/windows.h"

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

/// Denoises in one step, as a student and a teacher's first estimate do: D = c_skip x + c_out
/// U(cat(c_in x, r)), computed directly and not through an Euler step, which cancels at sigma 700.
/// x_TChw has noise level sigma: init_noise_sigma times unit noise, or times what stands in for it.
/// Returns the scaled latent, float32. Differentiable.
torch::Tensor denoise_once(models::UNetSpatioTemporalConditionModel& unet,
                           const Conditioning& conditioning, const torch::Tensor& x_TChw,
                           double sigma = 700, double noise_aug = 0.02,
                           models::Taps* taps = nullptr);

struct StudentDisparityOptions {
  std::int64_t height = 0, width = 0;  ///< of the disparity, in pixels
  double sigma = 700;
  double noise_aug = 0.02;
  bool latent = false;           ///< also compute the denoised latent
  models::Taps* taps = nullptr;  ///< of the head: path_4 ... path_1
};

struct StudentDisparity {
  torch::Tensor disparity_THW;  ///< float32, the head's own scale (see normalize_disparity)
  torch::Tensor latent_TChw;    ///< as denoise_once returns it; undefined unless asked for
};

/// The one-step student with a head in place of the VAE: disparity from features inside the UNet,
/// of which only those that the head takes are kept. Without `latent` the UNet's last two layers
/// do not run; they get no gradient from the disparity in any case. x_TChw as for denoise_once.
/// Differentiable. Throws ShapeError.
StudentDisparity student_disparity(models::UNetSpatioTemporalConditionModel& unet,
                                   models::TemporalDptHead& head, const Conditioning& conditioning,
                                   const torch::Tensor& x_TChw,
                                   const StudentDisparityOptions& options);

struct WindowConfig {
  std::int64_t steps = 5;
  std::int64_t window = 110;
  std::int64_t overlap = 25;
  double noise_aug = 0.02;

  constexpr void fields(auto& f) {
    f("steps", steps, "sampler steps", diffusion::sampler_steps);
    f("window", window, "frames that are denoised together", positive);
    f("overlap", overlap, "frames that two windows share", non_negative);
    f("noise_aug", noise_aug,
      "strength of the noise that is added to the frames before they are encoded", non_negative);
  }
  std::vector<std::string> check() const;
};

struct WindowState {
  std::int64_t index;
  torch::Tensor start_TChw,
      end_TChw;  ///< the window's latent before its first and after its last step
};

/// Makes the noise that DepthCrafter's windows start from: a frame keeps its noise from one window
/// to the next, and frames that the window before has done start from that result. Source:
/// Tencent/DepthCrafter depthcrafter/depth_crafter_ppl.py at guidance scale 1.
class WindowNoise {
 public:
  /// noise_TChw: unit normal, min(config.window, total) frames. Throws ShapeError.
  WindowNoise(const diffusion::EulerSchedule& schedule, const WindowConfig& config,
              std::int64_t total, const torch::Tensor& noise_TChw);
  /// At the noise level of the first step. Call it once for each window, in order.
  torch::Tensor next(const Window& window);

 private:
  double init_, first_sigma_;
  std::int64_t stride_;
  torch::Tensor carry_TChw_;
};

/// DepthCrafter's sampler for a video in memory: a WindowStream from WindowNoise, cross-faded in
/// latent space; overlap = 0 joins plain windows. Returns the scaled latent [T,C,h,w], float32. No
/// gradients.
torch::Tensor sample_windows(models::UNetSpatioTemporalConditionModel& unet,
                             const diffusion::EulerSchedule& schedule, const WindowConfig& config,
                             const Conditioning& conditioning, const torch::Tensor& noise_TChw,
                             const std::function<void(const WindowState&)>& observer = {});

/// Decodes a scaled latent in chunks of frames, each a clip of its own as in the original:
/// [T,C,h,w] -> [T,3,H,W] float32, about [-1,1]. No gradients. Taps: those of the last chunk.
torch::Tensor decode_video(models::AutoencoderKLTemporalDecoder& vae,
                           const torch::Tensor& latent_TChw, std::int64_t chunk = 8,
                           models::Taps* taps = nullptr);

/// Decoded images mapped to [0,1], clamped, averaged over the channels: [T,3,H,W] -> [T,H,W].
torch::Tensor raw_disparity(const torch::Tensor& decoded_T3HW);

/// Min-max over the whole clip, after negative values were set to 0: [T,H,W] in [0,1], near = 1;
/// all zero if the clip is constant.
torch::Tensor normalize_disparity(const torch::Tensor& raw_THW);

/// Decoded images to disparity: raw_disparity, then normalize_disparity. [T,3,H,W] -> [T,H,W]
/// float32.
torch::Tensor disparity_from_rgb(const torch::Tensor& decoded_T3HW);

/// decode_video, then disparity_from_rgb.
torch::Tensor decode_disparity(models::AutoencoderKLTemporalDecoder& vae,
                               const torch::Tensor& latent_TChw, std::int64_t chunk = 8);

}  // namespace vdd::pipeline
