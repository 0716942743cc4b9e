// SPDX-License-Identifier: Apache-2.0
#include "vdd/pipeline/random_model.h"

#include "vdd/core/error.h"
#include "vdd/core/files.h"
#include "vdd/core/random.h"
#include "vdd/core/staged_folder.h"
#include "vdd/models/clip_preprocessing.h"
#include "vdd/nn/initialize.h"
#include "vdd/nn/parameter_device.h"
#include "vdd/pipeline/model_folder.h"
#include "vdd/pipeline/sampling.h"
#include "vdd/tensor/random.h"

namespace vdd::pipeline {
namespace {

constexpr std::int64_t kFrames = 4, kSize = 128;

/// A clip of smooth coloured blobs in slow motion, in [-1,1].
torch::Tensor smooth_clip(std::uint64_t seed) {
  namespace F = torch::nn::functional;
  const auto options = F::InterpolateFuncOptions()
                           .size(std::vector<std::int64_t>{kSize, kSize})
                           .mode(torch::kBicubic)
                           .align_corners(false);
  const torch::Tensor still = tensor::randn({1, 3, 8, 8}, derive_seed(seed, 0, "still"));
  const torch::Tensor moving = tensor::randn({kFrames, 3, 8, 8}, derive_seed(seed, 1, "moving"));
  return F::interpolate(0.5 * still + 0.2 * moving, options).clamp(-1, 1);
}

torch::Tensor parameter(const torch::nn::Module& module, const std::string& name) {
  for (const auto& [key, value] : tensor::named_parameters(module)) {
    if (key == name) return value;
  }
  throw Error("random teacher: no parameter " + name);
}

/// Rewrites the first channels of an output layer so that `y_NC...`, what it computes now, gets
/// mean 0 and standard deviation `std` in each channel.
void standardize(const torch::nn::Module& module, const std::string& layer, const torch::Tensor& y,
                 double std) {
  const torch::Tensor rows = y.transpose(0, 1).flatten(1);  // [C, ...]
  const torch::Tensor factor = std / rows.std(1).clamp_min(1e-6);
  torch::Tensor weight = parameter(module, layer + ".weight").narrow(0, 0, rows.size(0));
  torch::Tensor bias = parameter(module, layer + ".bias").narrow(0, 0, rows.size(0));
  std::vector<std::int64_t> per_row(static_cast<std::size_t>(weight.dim()), 1);
  per_row[0] = rows.size(0);
  weight.mul_(factor.view(per_row));
  bias.copy_((bias - rows.mean(1)) * factor);
}

template <typename Model, typename Config>
Model random_part(const Config& config, std::uint64_t seed, const char* name,
                  const LoadTarget& target) {
  const nn::ParameterDevice device(target.device);
  Model part(config);
  tensor::allocate_as(*part, target.dtype, target.device);
  if (!target.device.is_meta()) nn::initialize(*part, derive_seed(seed, 0, name));
  for (torch::Tensor& parameter : part->parameters()) parameter.set_requires_grad(false);
  return part;
}

}  // namespace

models::UNetSpatioTemporalConditionModel random_unet(const models::UNetConfig& config,
                                                     std::uint64_t seed, const LoadTarget& target) {
  return random_part<models::UNetSpatioTemporalConditionModel>(config, seed, "unet", target);
}

models::AutoencoderKLTemporalDecoder random_vae(const models::VaeConfig& config, std::uint64_t seed,
                                                const LoadTarget& target) {
  return random_part<models::AutoencoderKLTemporalDecoder>(config, seed, "vae", target);
}

models::CLIPVisionModelWithProjection random_image_encoder(const models::ClipConfig& config,
                                                           std::uint64_t seed,
                                                           const LoadTarget& target) {
  return random_part<models::CLIPVisionModelWithProjection>(config, seed, "image_encoder", target);
}

DepthModel random_model(const models::ModelSizes& sizes, std::uint64_t seed,
                        const LoadTarget& target, torch::Dtype vae_dtype) {
  DepthModel model;
  model.unet = random_unet(sizes.unet, seed, target);
  model.vae = random_vae(sizes.vae, seed, {.dtype = vae_dtype, .device = target.device});
  model.image_encoder = random_image_encoder(sizes.image_encoder, seed, target);
  if (sizes.dpt_head) {
    model.dpt_head =
        random_part<models::TemporalDptHead>(*sizes.dpt_head, seed, "dpt_head", target);
  }
  return model;
}

std::vector<std::string> RandomTeacherConfig::check() const {
  std::vector<std::string> errors;
  if (unet.cross_attention_dim != std::vector{image_encoder.projection_dim}) {
    errors.emplace_back("unet.cross_attention_dim: must be image_encoder.projection_dim");
  }
  if (unet.in_channels != 2 * vae.latent_channels || unet.out_channels != vae.latent_channels) {
    errors.emplace_back(
        "unet.in_channels, out_channels: must be 2 and 1 times vae.latent_channels");
  }
  return errors;
}

void write_random_teacher(const std::filesystem::path& folder, const RandomTeacherConfig& config) {
  const torch::NoGradGuard no_grad;
  const auto seed = static_cast<std::uint64_t>(config.seed);
  DepthModel model = random_model(
      {.unet = config.unet, .vae = config.vae, .image_encoder = config.image_encoder}, seed);

  const torch::Tensor rgb_T3HW = smooth_clip(seed);
  standardize(*model.vae, "quant_conv", model.vae->encode_mode(rgb_T3HW),
              1 / config.vae.scaling_factor);
  parameter(*model.image_encoder, "visual_projection.weight")
      .div_(model.image_encoder
                ->forward(models::preprocess_clip(rgb_T3HW, config.image_encoder.image_size))
                .std()
                .clamp_min(1e-6));
  const auto conditioning = encode_video(model.vae, model.image_encoder, rgb_T3HW, 0);

  const diffusion::EulerSchedule schedule(model.scheduler);
  const torch::Tensor noise =
      tensor::randn(conditioning.rgb_latent_TChw.sizes(), derive_seed(seed, 0, "noise"));
  standardize(*model.unet, "conv_out",
              run_unet(model.unet, noise, schedule.timesteps(1)[0], conditioning), 1);
  const torch::Tensor latent = teacher_sample(model.unet, schedule, 5, conditioning, noise);
  standardize(*model.vae, "decoder.time_conv_out", decode_video(model.vae, latent), 0.5);

  // Another process may make the same one at the same time.
  StagedFolder staged(folder, StagedFolder::Existing::kKeepFirst);
  save_depth_model(staged.path(), model);
  staged.commit();
}

}  // namespace vdd::pipeline
