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
    f("unet", unet, "folder of the UNet, if `init` only gives the rest: DepthCrafter's weights");
    f("vae", vae,
      "without init: folder with the VAE, such as a checkpoint of vdd train-vae; the UNet gets "
      "random weights, and so does an image encoder that is not there, which keeps them");
    f("seed", seed, "of the random weights", non_negative);
    f("random_unet", random_unet, "as in a published unet/config.json");
    f("random_image_encoder", random_image_encoder, "as in a published image_encoder/config.json");
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
    f("log_std", log_std, "its standard deviation", non_negative);
    f("unroll", unroll,
      "share of the samples with a noise level in unroll_sigma whose noise is put on the UNet's "
      "own first estimate of the latent, as in sampling, and not on the truth",
      unit_interval);
    f("unroll_sigma", unroll_sigma,
      "lowest and highest noise level of these; the loss of such a sample grows as the square of "
      "the estimate's error divided by the level",
      positive, list_size(2));
    f("noise_aug", noise_aug, "strength of the noise on the encoded frames", non_negative);
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
    f("noise", noise, "what the UNet learns to remove");
    f("latent_weights", latent_weights,
      "of the error of each latent channel in the loss, as a share of their mean; empty: equal. "
      "The channels that the decoder hardly uses for disparity are better learnt less",
      non_negative);
    f("batch", batch,
      "clips that go through the UNet together, of the train.accumulation clips of an update",
      positive);
    f("trained", trained, "which parameters of the UNet train");
    train::TrainingConfig::fields(f);
    f("validation_steps", validation_steps, "numbers of sampler steps that are scored, rising",
      non_empty, diffusion::sampler_steps);
  }
  std::vector<std::string> check() const;
};

}  // namespace vdd::teach
