// SPDX-License-Identifier: Apache-2.0
#include "vdd/parity/forward.h"

#include <torch/torch.h>

#include <algorithm>

#include "vdd/core/error.h"
#include "vdd/core/folders.h"
#include "vdd/core/text.h"
#include "vdd/pipeline/model_folder.h"
#include "vdd/pipeline/sampling.h"

namespace vdd::parity {

namespace {

using tensor::NamedTensors;
using tensor::TensorSource;

/// The input `name`, whose shape must be `wanted`; -1: any length.
torch::Tensor get(const TensorSource& in, const std::string& name, at::IntArrayRef wanted) {
  torch::Tensor value = in.get(name);
  const auto fits = [](std::int64_t found, std::int64_t length) {
    return length < 0 || found == length;
  };
  if (!std::ranges::equal(value.sizes(), wanted, fits)) {
    throw DataError(in.origin(), name, concat("wanted ", wanted, ", got ", value.sizes()));
  }
  return value;
}

void add_taps(NamedTensors& out, const models::Taps& taps) {
  for (const auto& [path, value] : taps.tensors) out.emplace_back("feat." + path, value.detach());
}

void add_gradients(NamedTensors& out, const std::string& prefix, torch::nn::Module& module) {
  for (const auto& item : module.named_parameters()) {
    if (const torch::Tensor& g = item.value().grad(); g.defined())
      out.emplace_back(prefix + item.key(), g.clone());
  }
  module.zero_grad();
}

// Every intermediate of the n-step sampler from noise, for a batch of clips.
void add_trajectory(NamedTensors& out, const std::string& prefix, const diffusion::Model& model,
                    std::int64_t steps, const torch::Tensor& noise) {
  const diffusion::EulerSchedule schedule;
  torch::NoGradGuard no_grad;
  const torch::Tensor start = noise * schedule.init_noise_sigma(steps);
  out.emplace_back(prefix + ".x.0", start);
  out.emplace_back(prefix + ".sigmas", schedule.sigmas(steps));
  out.emplace_back(prefix + ".timesteps", schedule.timesteps(steps));
  diffusion::euler_sample(model, schedule, steps, start, [&](const diffusion::EulerStep& step) {
    out.emplace_back(concat(prefix, ".scaled.", step.index), step.scaled);
    out.emplace_back(concat(prefix, ".unet.", step.index), step.model_output);
    out.emplace_back(concat(prefix, ".denoised.", step.index), step.denoised);
    out.emplace_back(concat(prefix, ".x.", step.index + 1), step.x);
  });
}

NamedTensors forward_unet(const std::filesystem::path& folder, const TensorSource& in, bool grad) {
  auto unet = pipeline::load_unet(folder);
  for (auto& parameter : unet->parameters()) parameter.requires_grad_(grad);
  torch::AutoGradMode grad_mode(grad);
  const torch::Tensor sample =
      get(in, "in.sample", {-1, -1, -1, -1, -1}).clone().requires_grad_(grad);
  const torch::Tensor embeddings = in.get("in.embeddings").clone().requires_grad_(grad);
  const torch::Tensor timestep = get(in, "in.timestep", {sample.size(0)}),
                      ids = in.get("in.added_time_ids");
  const std::int64_t channels = unet->config().out_channels;
  const std::vector<std::int64_t> latent = {sample.size(0), sample.size(1), channels,
                                            sample.size(3), sample.size(4)};
  NamedTensors out;

  models::Taps taps;
  const torch::Tensor per_frame = unet(sample, timestep, embeddings, ids, &taps);
  const torch::Tensor loss = (per_frame * get(in, "in.loss_weight", latent)).mean();
  add_taps(out, taps);
  out.emplace_back("out.per_frame", per_frame.detach());
  out.emplace_back("out.loss", loss.detach());
  if (grad) {
    loss.backward();
    out.emplace_back("grad_in.sample", sample.grad());
    out.emplace_back("grad_in.embeddings", embeddings.grad());
    add_gradients(out, "grad.", *unet);
  }
  {
    torch::NoGradGuard no_grad;
    out.emplace_back("out.base", unet(sample, timestep, embeddings.slice(1, 0, 1), ids));
  }

  const torch::Tensor noise = get(in, "in.noise", latent),
                      video = get(in, "in.video_latents", latent);
  const torch::Tensor tokens = embeddings.detach();
  const diffusion::Model model = [&](const torch::Tensor& scaled, const torch::Tensor& t) {
    return unet(at::cat({scaled, video}, 2), t, tokens, ids);
  };
  add_trajectory(out, "teacher", model, 5, noise);
  const torch::Tensor target = out.back().second;
  add_trajectory(out, "onestep", model, 1, noise);

  const diffusion::EulerSchedule schedule;
  const diffusion::Precondition p = diffusion::precondition(schedule.sigmas(1)[0].item<float>());
  const torch::Tensor x = noise * schedule.init_noise_sigma();
  const torch::Tensor denoised =
      p.c_skip * x + p.c_out * model(p.c_in * x, schedule.timesteps(1)[0]);
  const torch::Tensor student_loss = at::mse_loss(denoised, target);
  out.emplace_back("student.denoised", denoised.detach());
  out.emplace_back("student.loss", student_loss.detach());
  if (grad) {
    student_loss.backward();
    add_gradients(out, "student.grad.", *unet);
  }
  return out;
}

NamedTensors forward_vae(const std::filesystem::path& folder, const TensorSource& in,
                         const ForwardConfig& config, bool grad) {
  auto vae = pipeline::load_vae(folder);
  for (auto& parameter : vae->parameters()) parameter.requires_grad_(grad);
  NamedTensors out;
  models::Taps taps;
  {
    torch::NoGradGuard no_grad;
    const torch::Tensor moments = vae->encode_moments(in.get("in.images"), &taps);
    const auto halves = moments.chunk(2, 1);
    out.emplace_back("out.moments", moments);
    out.emplace_back("out.mode", halves[0]);
    out.emplace_back("out.std", at::exp(0.5 * halves[1].clamp(-30, 20)));
  }

  torch::AutoGradMode grad_mode(grad);
  const torch::Tensor z = in.get("in.z").clone().requires_grad_(grad);
  const std::int64_t num_frames = config.num_frames ? config.num_frames : z.size(0);
  const torch::Tensor decoded = vae->decode(z, num_frames, &taps);
  add_taps(out, taps);
  out.emplace_back("out.decoded", decoded.detach());
  if (grad) {
    (decoded * get(in, "in.loss_weight", decoded.sizes())).mean().backward();
    out.emplace_back("grad_in.z", z.grad());
    add_gradients(out, "grad.", *vae);
  }
  torch::NoGradGuard no_grad;
  out.emplace_back("out.decoded_single_frames", vae->decode(z, 1));
  return out;
}

NamedTensors forward_dpt_head(const std::filesystem::path& folder, const TensorSource& in,
                              const ForwardConfig& config, bool grad) {
  auto head = pipeline::load_dpt_head(folder);
  for (auto& parameter : head->parameters()) parameter.requires_grad_(grad);
  torch::AutoGradMode grad_mode(grad);
  std::vector<torch::Tensor> features;
  for (std::size_t i = 0; i < head->config().taps.size(); ++i) {
    features.push_back(in.get(concat("in.features.", i)).clone().requires_grad_(grad));
  }
  const bool sized = config.height && config.width;
  const torch::Tensor weight =
      grad || !sized ? get(in, "in.loss_weight", {-1, -1, -1}) : torch::Tensor();
  const std::int64_t height = sized ? config.height : weight.size(1),
                     width = sized ? config.width : weight.size(2);
  const std::int64_t num_frames = config.num_frames ? config.num_frames : features[0].size(0);
  NamedTensors out;

  models::Taps taps;
  const torch::Tensor disparity = head->forward(features, num_frames, height, width, &taps);
  add_taps(out, taps);
  out.emplace_back("out.disparity", disparity.detach());
  if (!grad) return out;
  const torch::Tensor loss = (disparity * get(in, "in.loss_weight", disparity.sizes())).mean();
  out.emplace_back("out.loss", loss.detach());
  loss.backward();
  for (std::size_t i = 0; i < features.size(); ++i) {
    out.emplace_back(concat("grad_in.features.", i), features[i].grad());
  }
  add_gradients(out, "grad.", *head);
  return out;
}

NamedTensors forward_clip(const std::filesystem::path& folder, const TensorSource& in) {
  auto clip = pipeline::load_image_encoder(folder);
  torch::NoGradGuard no_grad;
  const std::int64_t size = clip->config().image_size;
  const torch::Tensor pixels = in.contains("in.pixels")
                                   ? in.get("in.pixels")
                                   : at::upsample_nearest2d(in.get("in.pixels_28"), {size, size});
  models::Taps taps;
  NamedTensors out;
  out.emplace_back("out.image_embeds", clip(pixels, &taps));
  // The first image and nine tokens are enough to find where two models part.
  for (const auto& [path, value] : taps.tensors) {
    out.emplace_back("feat." + path, value.slice(0, 0, 1).slice(1, 0, 9));
  }
  return out;
}

NamedTensors forward_pipeline(const std::filesystem::path& folder, const TensorSource& in,
                              const ForwardConfig& config) {
  pipeline::DepthModel model = pipeline::load_depth_model({.model = folder});
  const diffusion::EulerSchedule schedule(model.scheduler);
  torch::NoGradGuard no_grad;
  const torch::Tensor frames = in.get("in.frames");
  const torch::Tensor rgb = frames.scalar_type() == torch::kUInt8
                                ? frames.to(torch::kFloat32) / 255.0 * 2.0 - 1.0
                                : frames.to(torch::kFloat32) * 2.0 - 1.0;
  const torch::Tensor pixel_noise = in.get("in.pixel_noise"),
                      latent_noise = in.get("in.latent_noise").squeeze(0);
  const pipeline::WindowConfig windows{.steps = config.steps,
                                       .window = config.window,
                                       .overlap = config.overlap,
                                       .noise_aug = config.noise_aug};
  NamedTensors out;

  const pipeline::Conditioning conditioning = pipeline::encode_video(
      model.vae, model.image_encoder, rgb, config.noise_aug, pixel_noise, config.decode_chunk);
  out.emplace_back("out.embeddings", conditioning.image_embeds_TD.unsqueeze(0));
  out.emplace_back("out.video_latents", conditioning.rgb_latent_TChw.unsqueeze(0));
  const torch::Tensor latents = pipeline::sample_windows(
      model.unet, schedule, windows, conditioning, latent_noise,
      [&](const pipeline::WindowState& window) {
        out.emplace_back(concat("out.window.", window.index, ".start"),
                         window.start_TChw.unsqueeze(0));
        out.emplace_back(concat("out.window.", window.index, ".end"), window.end_TChw.unsqueeze(0));
      });
  out.emplace_back("out.latents", latents.unsqueeze(0));
  const torch::Tensor decoded = pipeline::decode_video(model.vae, latents, config.decode_chunk);
  out.emplace_back("out.decoded", decoded);
  out.emplace_back("out.disparity", pipeline::disparity_from_rgb(decoded));

  // The same in one step on the first three frames.
  if (frames.size(0) < 3 || latent_noise.size(0) < 3) return out;
  pipeline::WindowConfig one_step = windows;
  one_step.steps = 1;
  one_step.window = 3;
  one_step.overlap = 0;
  const torch::Tensor short_latents = pipeline::sample_windows(
      model.unet, schedule, one_step, conditioning.slice(0, 3), latent_noise.slice(0, 0, 3));
  out.emplace_back("out.onestep_3frames.latents", short_latents.unsqueeze(0));
  out.emplace_back("out.onestep_3frames.disparity",
                   pipeline::decode_disparity(model.vae, short_latents, config.decode_chunk));
  return out;
}

}  // namespace

NamedTensors forward_folder(const std::filesystem::path& folder, const TensorSource& inputs,
                            const ForwardConfig& config, bool grad) try {
  if (path_exists(folder / "model_index.json")) return forward_pipeline(folder, inputs, config);

  const std::string name = pipeline::class_name(folder / "config.json");
  if (name == "UNetSpatioTemporalConditionModel") return forward_unet(folder, inputs, grad);
  if (name == "AutoencoderKLTemporalDecoder") return forward_vae(folder, inputs, config, grad);
  if (name == "CLIPVisionModelWithProjection") return forward_clip(folder, inputs);
  if (name == "TemporalDPTHead") return forward_dpt_head(folder, inputs, config, grad);
  throw DataError(folder / "config.json", concat("unsupported model class ", name));
} catch (const ShapeError& e) {
  throw DataError(inputs.origin(), e.what());
}

}  // namespace vdd::parity
