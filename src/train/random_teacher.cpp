// SPDX-License-Identifier: Apache-2.0
#include "vdd/train/random_teacher.h"

#include "vdd/core/error.h"
#include "vdd/core/files.h"
#include "vdd/core/random.h"
#include "vdd/core/staged_folder.h"
#include "vdd/models/clip_preprocessing.h"
#include "vdd/nn/initialize.h"
#include "vdd/pipeline/model_folder.h"
#include "vdd/pipeline/sampling.h"
#include "vdd/tensor/random.h"
#include "vdd/train/parameter_selection.h"

namespace vdd::train {
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
  for (const auto& [key, value] : named_parameters(module)) {
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

}  // namespace

models::UNetConfig tiny_unet() {
  models::UNetConfig config;
  config.block_out_channels = {32, 64, 64, 64};
  config.addition_time_embed_dim = 32;
  config.projection_class_embeddings_input_dim = 96;
  config.layers_per_block = {1};
  config.cross_attention_dim = {32};
  config.num_attention_heads = {1, 2, 2, 2};
  return config;
}

models::VaeConfig tiny_vae() {
  models::VaeConfig config;
  config.down_block_types.assign(4, "DownEncoderBlock2D");
  config.block_out_channels = {32, 32, 64, 64};
  return config;
}

models::ClipConfig tiny_image_encoder() {
  models::ClipConfig config;
  config.hidden_size = 32;
  config.intermediate_size = 64;
  config.projection_dim = 32;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 2;
  config.patch_size = 56;
  config.hidden_act = "gelu";
  return config;
}

void write_random_teacher(const std::filesystem::path& folder, const RandomTeacherConfig& config) {
  const torch::NoGradGuard no_grad;
  const auto seed = static_cast<std::uint64_t>(config.seed);
  pipeline::DepthModel model;
  model.unet = models::UNetSpatioTemporalConditionModel(config.unet);
  model.vae = models::AutoencoderKLTemporalDecoder(config.vae);
  model.image_encoder = models::CLIPVisionModelWithProjection(config.image_encoder);
  nn::initialize(*model.unet, derive_seed(seed, 0, "unet"));
  nn::initialize(*model.vae, derive_seed(seed, 0, "vae"));
  nn::initialize(*model.image_encoder, derive_seed(seed, 0, "image_encoder"));

  const torch::Tensor rgb_T3HW = smooth_clip(seed);
  standardize(*model.vae, "quant_conv", model.vae->encode_mode(rgb_T3HW),
              1 / config.vae.scaling_factor);
  parameter(*model.image_encoder, "visual_projection.weight")
      .div_(model.image_encoder
                ->forward(models::preprocess_clip(rgb_T3HW, config.image_encoder.image_size))
                .std()
                .clamp_min(1e-6));
  const auto conditioning = pipeline::encode_video(model.vae, model.image_encoder, rgb_T3HW, 0);

  const diffusion::EulerSchedule schedule(model.scheduler);
  const torch::Tensor noise =
      tensor::randn(conditioning.rgb_latent_TChw.sizes(), derive_seed(seed, 0, "noise"));
  standardize(*model.unet, "conv_out",
              pipeline::run_unet(model.unet, noise, schedule.timesteps(1)[0], conditioning), 1);
  const torch::Tensor latent =
      pipeline::teacher_sample(model.unet, schedule, 5, conditioning, noise);
  standardize(*model.vae, "decoder.time_conv_out", pipeline::decode_video(model.vae, latent), 0.5);

  // Another process may make the same one at the same time.
  StagedFolder staged(folder, StagedFolder::Existing::kKeepFirst);
  pipeline::save_depth_model(staged.path(), model);
  staged.commit();
}

}  // namespace vdd::train
