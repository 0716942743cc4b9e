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

/// What the UNet is called with.
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

torch::Tensor student_denoise(models::UNetSpatioTemporalConditionModel& unet,
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
        student_denoise(unet, conditioning, x_TChw, options.sigma, options.noise_aug, &taps);
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

torch::Tensor sample_windows(models::UNetSpatioTemporalConditionModel& unet,
                             const diffusion::EulerSchedule& schedule, const WindowConfig& config,
                             const Conditioning& conditioning, const torch::Tensor& noise_TChw,
                             const std::function<void(const WindowState&)>& observer) {
  if (const auto errors = config.check(); !errors.empty()) throw ConfigError(join(errors, "; "));
  const std::int64_t total = conditioning.rgb_latent_TChw.size(0);
  const bool single = total <= config.window;
  const std::int64_t window = single ? total : config.window;
  const std::int64_t overlap = single ? 0 : config.overlap;
  const std::int64_t stride = window - overlap;
  if (noise_TChw.dim() != 4 || noise_TChw.size(0) != window) {
    throw ShapeError(concat("noise: wanted ", window, " frames, got ", noise_TChw.sizes()));
  }

  torch::NoGradGuard no_grad;
  const double init = schedule.init_noise_sigma(config.steps);
  const double first_sigma = schedule.sigmas(config.steps)[0].item<float>();
  torch::Tensor carry = noise_TChw.to(unet->device(), torch::kFloat32) * init;
  torch::Tensor merged;

  for (std::int64_t start = 0, index = 0; start < total - overlap; start += stride, ++index) {
    const std::int64_t end = std::min(start + window, total);
    torch::Tensor x = carry.slice(0, 0, end - start);
    carry = at::cat({carry.slice(0, stride), carry.slice(0, 0, stride)});
    if (merged.defined() && overlap > 0) {
      // The frames that are done already start from their result, noised again.
      const torch::Tensor head =
          merged.slice(0, -overlap) + x.slice(0, 0, overlap) / init * first_sigma;
      x = at::cat({head, x.slice(0, overlap)});
    }

    const Conditioning part = conditioning.slice(start, end);
    const auto model = [&](const torch::Tensor& scaled, const torch::Tensor& timestep) {
      return run_unet(unet, scaled, timestep, part, config.noise_aug);
    };
    const torch::Tensor result = diffusion::euler_sample(model, schedule, config.steps, x);
    if (observer) observer({.index = index, .start_TChw = x, .end_TChw = result});

    if (!merged.defined()) {
      merged = result;
      continue;
    }
    const torch::Tensor weight = torch::linspace(0, 1, overlap, x.options()).view({-1, 1, 1, 1});
    const std::int64_t kept = merged.size(0) - overlap;
    const torch::Tensor mixed =
        weight * result.slice(0, 0, overlap) + (1 - weight) * merged.slice(0, kept);
    merged = at::cat({merged.slice(0, 0, kept), mixed, result.slice(0, overlap)});
  }
  return merged;
}

torch::Tensor decode_video(models::AutoencoderKLTemporalDecoder& vae,
                           const torch::Tensor& latent_TChw, std::int64_t chunk) {
  if (chunk < 1) throw ConfigError(concat("decode chunk: must be at least 1, got ", chunk));
  torch::NoGradGuard no_grad;
  const torch::Tensor z_TChw = latent_TChw / vae->config().scaling_factor;
  std::vector<torch::Tensor> parts;
  for (const torch::Tensor& part : z_TChw.split(chunk)) {
    parts.push_back(vae->decode(part, part.size(0)).to(torch::kFloat32));
  }
  return at::cat(parts);
}

torch::Tensor normalize_disparity(const torch::Tensor& raw_THW) {
  const torch::Tensor positive_THW = raw_THW.clamp_min(0);
  const torch::Tensor low = positive_THW.min(), range = positive_THW.max() - low;
  return at::where(range > 0, (positive_THW - low) / range, at::zeros_like(positive_THW));
}

torch::Tensor disparity_from_rgb(const torch::Tensor& decoded_T3HW) {
  return normalize_disparity((decoded_T3HW / 2 + 0.5).clamp(0, 1).mean(1));
}

torch::Tensor decode_disparity(models::AutoencoderKLTemporalDecoder& vae,
                               const torch::Tensor& latent_TChw, std::int64_t chunk) {
  return disparity_from_rgb(decode_video(vae, latent_TChw, chunk));
}

}  // namespace vdd::pipeline
