// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vdd/distill/distill_config.h"
#include "vdd/losses/reconstruction.h"
#include "vdd/models/sizes.h"
#include "vdd/optim/parameter_selection.h"

// Everything that can be set for `vdd train-vae`. docs/teacher.md explains the choices.
namespace vdd::teach {

struct VaeModelConfig {
  std::string init = {};
  std::string teacher = {};
  std::int64_t seed = 0;
  bool whiten = false;
  double posterior_std = 0.03;
  models::VaeConfig vae = models::tiny_vae();

  constexpr void fields(auto& f) {
    f("init", init,
      "model folder whose VAE the training starts from; empty: random weights of the sizes in "
      "`vae`");
    f("teacher", teacher,
      "model folder of a trained teacher with the VAE encoder of `init`: only the decoder is "
      "trained, to decode the teacher's latents instead of those of the true disparity; empty: "
      "none");
    f("seed", seed, "seed of the random weights", non_negative);
    f("whiten", whiten,
      "change the initial weights so that the latents of scale_clips clips have mean 0 and "
      "covariance 1; reconstructions stay the same");
    f("posterior_std", posterior_std, "standard deviation of the posteriors after `whiten`",
      positive);
    f("vae", vae, "sizes of the random VAE, with the keys of a published vae/config.json");
  }
};

struct CropConfig {
  std::int64_t count = 8;
  std::int64_t size = 64;
  double disparity = 0.5;

  constexpr void fields(auto& f) {
    f("count", count, "crops of a clip in each sample", in_range(1, 1024));
    f("size", size, "height and width of a crop, in pixels", positive);
    f("disparity", disparity,
      "share of the crops that show the clip's disparity instead of RGB, over all samples",
      unit_interval);
  }
};

/// Which parameters of the VAE train.
struct TrainedPartsConfig {
  std::vector<std::string> patterns = {"*", "!attentions.0.to_k.bias"};

  constexpr void fields(auto& f) {
    f("patterns", patterns,
      "pieces of parameter names; the last one that matches a parameter decides: it trains, or "
      "with a leading ! is frozen. A bias of the keys has no effect in attention",
      non_empty);
  }
};

struct TrainVaeConfig : train::TrainingConfig {
  VaeModelConfig model;
  CropConfig crops;
  losses::ReconstructionLossConfig loss;
  double latent_noise = 0;
  distill::TeacherConfig teacher;
  std::int64_t scale_clips = 8;
  TrainedPartsConfig trained;

  constexpr void fields(auto& f) {
    f("model", model, "where the weights come from");
    f("crops", crops, "crops that the VAE is trained on");
    f("loss", loss, "difference of picture and reconstruction");
    f("latent_noise", latent_noise,
      "largest noise on the latents of disparity before they are decoded, in their standard "
      "deviations; each crop draws its level evenly from 0 to this. It prepares the decoder for "
      "the inexact latents of a UNet",
      non_negative);
    f("teacher", teacher, "how `model.teacher` is sampled");
    f("scale_clips", scale_clips,
      "clips whose latents are measured, for scaling_factor and `model.whiten`", positive);
    f("trained", trained, "which parameters train");
    train::TrainingConfig::fields(f);
  }
  std::vector<std::string> check() const;
};

}  // namespace vdd::teach
