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
      "model folder whose VAE is the start; empty: random weights of the sizes below");
    f("teacher", teacher,
      "model folder of a trained teacher whose encoder is that of `init`: the decoder, alone, "
      "learns to decode its answers instead of the true disparity's latents; empty: none");
    f("seed", seed, "of the random weights", non_negative);
    f("whiten", whiten,
      "change the start so that the latents of scale_clips clips have mean 0 and covariance 1; "
      "what the VAE computes stays the same");
    f("posterior_std", posterior_std, "deviation of the posteriors after `whiten`", positive);
    f("vae", vae, "as in a published vae/config.json");
  }
};

struct CropConfig {
  std::int64_t count = 8;
  std::int64_t size = 64;
  double disparity = 0.5;

  constexpr void fields(auto& f) {
    f("count", count, "cuts of a clip in each sample", in_range(1, 1024));
    f("size", size, "their height and width in pixels", positive);
    f("disparity", disparity, "share of the cuts that shows the clip's disparity, over all samples",
      unit_interval);
  }
};

/// Which parameters of the VAE train.
struct TrainedPartsConfig {
  std::vector<std::string> patterns = {"*", "!attentions.0.to_k.bias"};

  constexpr void fields(auto& f) {
    f("patterns", patterns,
      "pieces of parameter names; the last that fits decides: it trains, with ! it is frozen. A "
      "bias "
      "of the keys does nothing in attention",
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
    f("crops", crops, "what is cut out of a clip");
    f("loss", loss, "difference of picture and reconstruction");
    f("latent_noise", latent_noise,
      "largest noise on the latents of disparity before they are decoded, in standard deviations; "
      "each cut draws its level evenly from 0 on. A UNet's answers are never exact",
      non_negative);
    f("teacher", teacher, "how `model.teacher` is sampled");
    f("scale_clips", scale_clips,
      "clips over which the latents are measured, for scaling_factor and `model.whiten`", positive);
    f("trained", trained, "which parameters train");
    train::TrainingConfig::fields(f);
  }
  std::vector<std::string> check() const;
};

}  // namespace vdd::teach
