// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vdd/data/config.h"
#include "vdd/losses/reconstruction.h"
#include "vdd/train/amp.h"
#include "vdd/train/distill_config.h"
#include "vdd/train/ema.h"
#include "vdd/train/lr_schedule.h"
#include "vdd/train/optimizer.h"
#include "vdd/train/parameter_selection.h"
#include "vdd/train/random_teacher.h"
#include "vdd/train/train_config.h"

// Everything that can be set for `vdd train-vae`. docs/teacher.md explains the choices.
namespace vdd::train {

struct VaeModelConfig {
  std::string init;
  std::string teacher;
  std::int64_t seed = 0;
  bool whiten = false;
  double posterior_std = 0.03;
  models::VaeConfig vae = tiny_vae();

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

struct TrainVaeConfig {
  VaeModelConfig model;
  data::DataConfig data;
  CropConfig crops;
  losses::ReconstructionLossConfig loss;
  double latent_noise = 0;
  TeacherConfig teacher;
  std::int64_t scale_clips = 8;
  SelectionConfig trained = {.patterns = {"*", "!attentions.0.to_k.bias"}};
  OptimizerConfig optimizer;
  LrScheduleConfig lr_schedule;
  PrecisionConfig precision;
  EmaConfig ema;
  TrainConfig train;
  ValidationConfig validation;
  CacheConfig cache;

  constexpr void fields(auto& f) {
    f("model", model, "where the weights come from");
    f("data", data, "which clips are drawn; rgb_only is ignored, depth is read where there is any");
    f("crops", crops, "what is cut out of a clip");
    f("loss", loss, "difference of picture and reconstruction");
    f("latent_noise", latent_noise,
      "largest noise on the latents of disparity before they are decoded, in standard deviations; "
      "each cut draws its level evenly from 0 on. A UNet's answers are never exact",
      non_negative);
    f("teacher", teacher, "how `model.teacher` is sampled");
    f("scale_clips", scale_clips,
      "clips over which the latents are measured, for scaling_factor and `model.whiten`", positive);
    f("trained", trained, "which parameters train; a bias of the keys does nothing in attention");
    f("optimizer", optimizer, "Adam");
    f("lr_schedule", lr_schedule, "course of the learning rate");
    f("precision", precision, "mixed precision");
    f("ema", ema, "moving average of the trained weights");
    f("train", train, "length, accumulation, device, checkpoints");
    f("validation", validation, "how whole clips that are not trained on are reconstructed");
    f("cache", cache, "the teacher's answers on disk");
  }
  std::vector<std::string> check() const;
};

/// Keys, as patterns, that a resumed run may change.
const std::vector<std::string>& train_vae_free_keys();

}  // namespace vdd::train
