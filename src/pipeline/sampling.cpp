// SPDX-License-Identifier: Apache-2.0
#include "vdd/pipeline/sampling.h"

#include <torch/torch.h>

#include <algorithm>

#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::pipeline {

torch::Tensor added_time_ids(double noise_aug) {
  return torch::tensor({{7.0, 127.0, noise_aug}}, torch::kFloat32);
}

namespace {

/// Arguments of the UNet.
struct UNetInputs {
  torch::Tensor sample_BTChw, tokens_BTD, ids_B3;
};

UNetInputs unet_inputs(const torch::Tensor& scaled_TChw, const Conditioning& conditioning,
                       double noise_aug) {
  const torch::Tensor sample_TChw =
      at::cat({scaled_TChw, conditioning.rgb_latent_TChw.to(scaled_TChw.device())}, 1);
  return {sample_TChw.unsqueeze(0), conditioning.image_embeds_TD.unsqueeze(0),
          added_time_ids(noise_aug)};
}

}  // namespace

torch::Tensor run_unet(models::UNetSpatioTemporalConditionModel& unet,
                       const torch::Tensor& scaled_TChw, const torch::Tensor& timestep,
                       const Conditioning& conditioning, double noise_aug, models::Taps* taps) {
  const UNetInputs in = unet_inputs(scaled_TChw, conditioning, noise_aug);
  return unet->forward(in.sample_BTChw, timestep, in.tokens_BTD, in.ids_B3, taps)
      .squeeze(0)
      .to(torch::kFloat32);
}

torch::Tensor teacher_sample(models::UNetSpatioTemporalConditionModel& unet,
                             const diffusion::EulerSchedule& schedule, std::int64_t steps,
                             const Conditioning& conditioning, const torch::Tensor& noise_TChw,
                             double noise_aug) {
  torch::NoGradGuard no_grad;
  const auto model = [&](const torch::Tensor& scaled, const torch::Tensor& timestep) {
    return run_unet(unet, scaled, timestep, conditioning, noise_aug);
  };
  const torch::Tensor x_TChw =
      noise_TChw.to(unet->device(), torch::kFloat32) * schedule.init_noise_sigma(steps);
  return diffusion::euler_sample(model, schedule, steps, x_TChw);
}

torch::Tensor denoise_once(models::UNetSpatioTemporalConditionModel& unet,
                           const Conditioning& conditioning, const torch::Tensor& x_TChw,
                           double sigma, double noise_aug, models::Taps* taps) {
  const diffusion::Precondition p = diffusion::precondition(sigma);
  const torch::Tensor x = x_TChw.to(unet->device(), torch::kFloat32);
  const torch::Tensor timestep = torch::tensor(p.c_noise, torch::kFloat32);
  return p.c_skip * x +
         p.c_out * run_unet(unet, p.c_in * x, timestep, conditioning, noise_aug, taps);
}

StudentDisparity student_disparity(models::UNetSpatioTemporalConditionModel& unet,
                                   models::TemporalDptHead& head, const Conditioning& conditioning,
                                   const torch::Tensor& x_TChw,
                                   const StudentDisparityOptions& options) {
  const std::vector<std::string>& names = head->config().taps;
  models::Taps taps{.only = std::set<std::string>(names.begin(), names.end())};
  StudentDisparity result;
  if (options.latent) {
    result.latent_TChw =
        denoise_once(unet, conditioning, x_TChw, options.sigma, options.noise_aug, &taps);
  } else {
    const diffusion::Precondition p = diffusion::precondition(options.sigma);
    const torch::Tensor x = x_TChw.to(unet->device(), torch::kFloat32);
    const UNetInputs in = unet_inputs(p.c_in * x, conditioning, options.noise_aug);
    unet->forward_blocks(in.sample_BTChw, torch::tensor(p.c_noise, torch::kFloat32), in.tokens_BTD,
                         in.ids_B3, &taps);
  }

  std::vector<torch::Tensor> features;
  for (const std::string& name : names) {
    const auto found = taps.tensors.find(name);
    if (found == taps.tensors.end())
      throw ShapeError(concat("head: the UNet gives no ", escape(name)));
    features.push_back(found->second);
  }
  taps.tensors.clear();
  result.disparity_THW =
      head->forward(features, x_TChw.size(0), options.height, options.width, options.taps);
  return result;
}

std::vector<std::string> WindowConfig::check() const {
  if (overlap < window) return {};
  return {concat("overlap: must be smaller than window, ", window, ", got ", overlap)};
}

WindowNoise::WindowNoise(const diffusion::EulerSchedule& schedule, const WindowConfig& config,
                         std::int64_t total, const torch::Tensor& noise_TChw)
    : init_(schedule.init_noise_sigma(config.steps)),
      first_sigma_(schedule.sigmas(config.steps)[0].item<float>()) {
  const std::int64_t window = std::min(total, config.window);
  stride_ = total <= config.window ? window : window - config.overlap;
  if (noise_TChw.dim() != 4 || noise_TChw.size(0) != window)
    throw ShapeError(concat("noise: wanted ", window, " frames, got ", noise_TChw.sizes()));
  carry_TChw_ = noise_TChw.to(torch::kFloat32) * init_;
}

torch::Tensor WindowNoise::next(const Window& window) {
  torch::Tensor x_TChw = carry_TChw_.slice(0, 0, window.conditioning.frames());
  carry_TChw_ = at::cat({carry_TChw_.slice(0, stride_), carry_TChw_.slice(0, 0, stride_)});
  if (!window.before_T.defined()) return x_TChw;
  // The frames that are done already start from their result, noised again.
  const std::int64_t shared = window.before_T.size(0);
  const torch::Tensor head_TChw =
      window.before_T + x_TChw.slice(0, 0, shared) / init_ * first_sigma_;
  return at::cat({head_TChw, x_TChw.slice(0, shared)});
}

torch::Tensor sample_windows(models::UNetSpatioTemporalConditionModel& unet,
                             const diffusion::EulerSchedule& schedule, const WindowConfig& config,
                             const Conditioning& conditioning, const torch::Tensor& noise_TChw,
                             const std::function<void(const WindowState&)>& observer) {
  if (const auto errors = config.check(); !errors.empty()) throw ConfigError(join(errors, "; "));
  const std::int64_t total = conditioning.frames();
  WindowNoise noise(schedule, config, total, noise_TChw.to(unet->device()));
  const auto denoise = [&](const Window& window) {
    const torch::Tensor x_TChw = noise.next(window);
    const auto model = [&](const torch::Tensor& scaled, const torch::Tensor& timestep) {
      return run_unet(unet, scaled, timestep, window.conditioning, config.noise_aug);
    };
    const torch::Tensor result_TChw =
        diffusion::euler_sample(model, schedule, config.steps, x_TChw);
    if (observer) observer({.index = window.index, .start_TChw = x_TChw, .end_TChw = result_TChw});
    return result_TChw;
  };
  std::vector<torch::Tensor> parts;
  WindowStream stream(total, config.window, config.overlap, denoise,
                      [&](const torch::Tensor& done_TChw) { parts.push_back(done_TChw); });
  stream.push(conditioning);
  return at::cat(parts);
}

torch::Tensor decode_video(models::AutoencoderKLTemporalDecoder& vae,
                           const torch::Tensor& latent_TChw, std::int64_t chunk,
                           models::Taps* taps) {
  if (chunk < 1) throw ConfigError(concat("decode chunk: must be at least 1, got ", chunk));
  torch::NoGradGuard no_grad;
  const torch::Tensor z_TChw = latent_TChw / vae->config().scaling_factor;
  std::vector<torch::Tensor> parts;
  for (const torch::Tensor& part : z_TChw.split(chunk)) {
    parts.push_back(vae->decode(part, part.size(0), taps).to(torch::kFloat32));
  }
  return at::cat(parts);
}

torch::Tensor raw_disparity(const torch::Tensor& decoded_T3HW) {
  return (decoded_T3HW / 2 + 0.5).clamp(0, 1).mean(1);
}

torch::Tensor normalize_disparity(const torch::Tensor& raw_THW) {
  const torch::Tensor positive_THW = raw_THW.clamp_min(0);
  const torch::Tensor low = positive_THW.min(), range = positive_THW.max() - low;
  return at::where(range > 0, (positive_THW - low) / range, at::zeros_like(positive_THW));
}

torch::Tensor disparity_from_rgb(const torch::Tensor& decoded_T3HW) {
  return normalize_disparity(raw_disparity(decoded_T3HW));
}

torch::Tensor decode_disparity(models::AutoencoderKLTemporalDecoder& vae,
                               const torch::Tensor& latent_TChw, std::int64_t chunk) {
  return disparity_from_rgb(decode_video(vae, latent_TChw, chunk));
}

}  // namespace vdd::pipeline
