// SPDX-License-Identifier: Apache-2.0
#include "vdd/train/teacher_trainer.h"

#include <cmath>
#include <map>

#include "base_folder.h"
#include "vdd/core/error.h"
#include "vdd/core/random.h"
#include "vdd/core/stop.h"
#include "vdd/core/system.h"
#include "vdd/core/text.h"
#include "vdd/metrics/depth.h"
#include "vdd/pipeline/sampling.h"
#include "vdd/tensor/dtype.h"
#include "vdd/tensor/random.h"

namespace vdd::train {
namespace fs = std::filesystem;

NoiseDraw draw_noise(const NoiseConfig& config, std::uint64_t seed, std::int64_t n) {
  const std::uint64_t own = derive_seed(seed, n, "noise");
  const double unit = tensor::randn({1}, derive_seed(own, 0, "sigma")).item<float>();
  const double sigma = std::exp(config.log_mean + config.log_std * unit);
  const bool in_range = config.unroll_sigma[0] <= sigma && sigma <= config.unroll_sigma[1];
  return {.seed = own,
          .sigma = sigma,
          .unroll = in_range && Random(derive_seed(own, 0, "unroll")).coin(config.unroll)};
}

torch::Tensor velocity(const torch::Tensor& z_TChw, const torch::Tensor& noise_TChw, double sigma) {
  return (noise_TChw - sigma * z_TChw) / std::sqrt(sigma * sigma + 1);
}

TeacherTrainer::TeacherTrainer(const TrainTeacherConfig& config, pipeline::DepthModel model,
                               DepthTargets targets, ValidationData validation, Origin origin,
                               torch::Device device)
    : config_(config),
      model_(std::move(model)),
      schedule_(model_.scheduler),
      targets_(std::move(targets)),
      validation_(std::move(validation)),
      origin_(std::move(origin)),
      device_(device),
      compute_dtype_(tensor::parse_dtype(config.precision.compute)) {
  model_.unet->gradient_checkpointing = config.train.gradient_checkpointing;
  selection_ = select_parameters(named_parameters(*model_.unet), config.trained);
  const auto channels = static_cast<std::size_t>(model_.unet->config().out_channels);
  std::vector<double> weights = config_.latent_weights;
  if (weights.empty()) weights.assign(channels, 1);
  if (weights.size() != channels) {
    throw ConfigError(
        concat("latent_weights: has ", weights.size(), " values for ", channels, " channels"));
  }
  latent_weights_C11_ = torch::tensor(weights, torch::kFloat32).view({-1, 1, 1}).to(device_);
  latent_weights_C11_ /= latent_weights_C11_.mean();
}

std::vector<ParameterGroup> TeacherTrainer::groups() const {
  return {{.name = "unet", .parameters = selection_.trained(), .lr = config_.optimizer.lr}};
}

SampleLoss TeacherTrainer::step(const data::Clip& clip, std::int64_t n) {
  return steps(std::span(&clip, 1), n).front();
}

torch::Tensor TeacherTrainer::first_estimate(const pipeline::Conditioning& conditioning,
                                             const torch::Tensor& noise_TChw) {
  torch::NoGradGuard no_grad;
  const Autocast autocast(device_, compute_dtype_);
  return pipeline::student_denoise(model_.unet, conditioning,
                                   schedule_.init_noise_sigma() * noise_TChw,
                                   schedule_.sigmas(1)[0].item<float>(), config_.noise.noise_aug);
}

std::vector<SampleLoss> TeacherTrainer::steps(std::span<const data::Clip> clips,
                                              std::int64_t first) {
  std::vector<SampleLoss> samples;
  std::vector<torch::Tensor> inputs, timesteps, tokens, targets;
  for (const data::Clip& clip : clips) {
    const std::int64_t n = first + std::ssize(samples);
    const auto [seed, sigma, unroll] =
        draw_noise(config_.noise, static_cast<std::uint64_t>(config_.train.seed), n);
    const TeacherTarget target = targets_.get(clip, n);
    const torch::Tensor z_TChw = target.teacher_latent_TChw.to(device_);
    const pipeline::Conditioning conditioning = {target.rgb_latent_TChw.to(device_),
                                                 target.image_embeds_TD.to(device_)};
    torch::Tensor noise_TChw = tensor::randn(z_TChw.sizes(), seed).to(device_);
    // Noise on another latent is noise on this one that holds their difference.
    if (unroll)
      noise_TChw = noise_TChw + (first_estimate(conditioning, noise_TChw) - z_TChw) / sigma;
    const diffusion::Precondition p = diffusion::precondition(sigma);
    inputs.push_back(
        at::cat({p.c_in * (z_TChw + sigma * noise_TChw), conditioning.rgb_latent_TChw}, 1));
    timesteps.push_back(torch::tensor(p.c_noise, torch::kFloat32));
    tokens.push_back(conditioning.image_embeds_TD);
    targets.push_back(velocity(z_TChw, noise_TChw, sigma));
    samples.push_back({.loss = {}, .noise_seed = static_cast<std::int64_t>(seed)});
  }

  const Autocast autocast(device_, compute_dtype_);
  const torch::Tensor u_BTChw =
      model_.unet
          ->forward(
              at::stack(inputs), at::stack(timesteps), at::stack(tokens),
              pipeline::added_time_ids(config_.noise.noise_aug).expand({std::ssize(clips), 3}))
          .to(torch::kFloat32);
  const torch::Tensor loss_B =
      ((u_BTChw - at::stack(targets)).square() * latent_weights_C11_).flatten(1).mean(1);
  for (std::size_t b = 0; b < samples.size(); ++b) {
    const torch::Tensor loss = loss_B[static_cast<std::int64_t>(b)];
    samples[b].loss = {.total = loss, .parts = {{"denoising", loss.detach()}}};
  }
  return samples;
}

ValidationResult TeacherTrainer::validate(std::int64_t step, const RunDir& run) {
  const ValidationConfig& config = config_.validation;
  // Of a layout ("": all) and a number of steps.
  std::map<std::pair<std::string, std::int64_t>, std::vector<metrics::DepthScores>> scores;
  ValidationResult result;
  for (std::int64_t k = 0; k < config.clips; ++k) {
    const data::Clip clip = validation_.dataset->load(validation_.seed, k);
    if (!clip.depth_THW.defined()) continue;
    const std::uint64_t seed = derive_seed(validation_.seed, k, "noise");
    const pipeline::Conditioning conditioning = targets_.condition(clip, seed);
    const torch::Tensor noise_TChw = tensor::randn(conditioning.rgb_latent_TChw.sizes(), seed);
    std::vector<io::PictureRow> rows = {{"RGB", io::RowKind::kRgb, clip.rgb_TCHW}};
    for (const std::int64_t steps : config_.validation_steps) {
      if (stop_requested() != StopReason::kNone) return {.complete = false};
      const torch::Tensor latent_TChw =
          pipeline::teacher_sample(model_.unet, schedule_, steps, conditioning,
                                   noise_TChw.to(device_), config_.noise.noise_aug);
      const torch::Tensor disparity_THW =
          pipeline::decode_disparity(model_.vae, latent_TChw, config_.noise.chunk).cpu();
      const auto score = score_clip(disparity_THW, clip, config.max_depth);
      const std::string layout = clip.source_id.substr(0, clip.source_id.find('/'));
      scores[{"", steps}].push_back(score);
      scores[{layout + "/", steps}].push_back(score);
      rows.push_back({concat(steps, " steps"), io::RowKind::kDisparity, disparity_THW});
    }
    if (!config.pictures) continue;
    rows.push_back({"truth", io::RowKind::kDisparity, clip.disparity_THW});
    add_picture(result, run, step, k, rows, config.columns);
  }
  if (scores.empty()) throw DataError("validation", "no clip has depth");
  for (const auto& [of, list] : scores) {
    const metrics::DepthScores mean = metrics::mean_over_clips(list);
    result.metrics.add(concat("valid/", of.first, "abs_rel_", of.second), mean.abs_rel)
        .add(concat("valid/", of.first, "delta1_", of.second), mean.delta1);
    if (of.first.empty()) result.score = mean.abs_rel;  // the last one has the most steps
  }
  return result;
}

void TeacherTrainer::save_model(const fs::path& checkpoint, std::int64_t step) {
  pipeline::DepthModel model;
  model.unet = model_.unet;
  model.scheduler = model_.scheduler;
  model.info = {.input = "noise",
                .steps = config_.validation_steps.back(),
                .noise_aug = config_.noise.noise_aug,
                .base = base_from(checkpoint, origin_.model),
                .provenance = {.program = "vdd train-teacher",
                               .version = version(),
                               .step = step,
                               .config = origin_.config,
                               .teacher_hash = "",
                               .data_hash = origin_.data_hash}};
  pipeline::save_depth_model(checkpoint, model);
}

void TeacherTrainer::load_model(const fs::path& checkpoint) {
  tensor::load_state(*model_.unet, *pipeline::open_unet_weights(checkpoint / "unet"));
}

}  // namespace vdd::train
