// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vdd/diffusion/euler_schedule.h"
#include "vdd/models/sizes.h"
#include "vdd/optim/parameter_selection.h"
#include "vdd/train/training_config.h"

// Everything that can be set for `vdd train-teacher`. docs/teacher.md explains the choices.
namespace vdd::teach {

struct TeacherModelConfig {
  std::string init, unet, vae;
  std::int64_t seed = 0;
  models::UNetConfig random_unet = models::tiny_unet();
  models::ClipConfig random_image_encoder = models::tiny_image_encoder();

  constexpr void fields(auto& f) {
    f("init", init,
      "model folder to start from: Stable Video Diffusion's, or the checkpoint of an earlier "
      "stage");
    f("unet", unet,
      "folder of the UNet, such as DepthCrafter's, if `init` gives only the other parts");
    f("vae", vae,
      "without `init`: folder with the VAE, such as a checkpoint of vdd train-vae; the UNet starts "
      "from random weights; an image encoder that the folder lacks gets random weights and is not "
      "trained");
    f("seed", seed, "seed of the random weights", non_negative);
    f("random_unet", random_unet,
      "sizes of the random UNet, with the keys of a published unet/config.json");
    f("random_image_encoder", random_image_encoder,
      "sizes of the random image encoder, with the keys of a published image_encoder/config.json");
  }
};

struct NoiseConfig {
  double log_mean = 0.7;
  double log_std = 1.6;
  double unroll = 0;
  std::vector<double> unroll_sigma = {0.3, 5};
  double noise_aug = 0.02;
  std::int64_t chunk = 8;

  constexpr void fields(auto& f) {
    f("log_mean", log_mean, "mean of the natural logarithm of the noise level");
    f("log_std", log_std, "standard deviation of that logarithm", non_negative);
    f("unroll", unroll,
      "share of the samples with a noise level within unroll_sigma whose noise is added to the "
      "UNet's own first estimate of the latent, as in sampling, instead of the true latent",
      unit_interval);
    f("unroll_sigma", unroll_sigma,
      "lowest and highest noise level of these samples; their loss grows with the square of (error "
      "of the estimate / noise level)",
      positive, list_size(2));
    f("noise_aug", noise_aug,
      "strength of the noise that is added to the frames before they are encoded", non_negative);
    f("chunk", chunk, "frames that are encoded or decoded at once", positive);
  }
};

struct TrainTeacherConfig : train::TrainingConfig {
  TeacherModelConfig model;
  NoiseConfig noise;
  std::vector<double> latent_weights;
  std::int64_t batch = 1;
  optim::SelectionConfig trained = {.preset = optim::TrainedPreset::kAll, .patterns = {}};
  std::vector<std::int64_t> validation_steps = {1, 5};

  constexpr void fields(auto& f) {
    f("model", model, "where the weights come from");
    f("noise", noise, "noise that the UNet learns to remove");
    f("latent_weights", latent_weights,
      "weight of each latent channel in the loss, relative to their mean; empty: all equal. "
      "Channels that the decoder hardly uses for disparity should get less",
      non_negative);
    f("batch", batch,
      "clips that go through the UNet together, out of the train.accumulation clips of an update",
      positive);
    f("trained", trained, "which parameters of the UNet train");
    train::TrainingConfig::fields(f);
    f("validation_steps", validation_steps,
      "numbers of sampler steps that are scored, in ascending order", non_empty,
      diffusion::sampler_steps);
  }
  std::vector<std::string> check() const;
};

}  // namespace vdd::teach
