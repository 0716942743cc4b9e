// SPDX-License-Identifier: Apache-2.0
#include "vdd/teach/train_teacher.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "vdd/core/error.h"
#include "vdd/core/folders.h"
#include "vdd/core/random.h"
#include "vdd/core/staged_folder.h"
#include "vdd/core/stop.h"
#include "vdd/core/text.h"
#include "vdd/metrics/depth.h"
#include "vdd/optim/amp.h"
#include "vdd/pipeline/random_model.h"
#include "vdd/pipeline/sampling.h"
#include "vdd/tensor/dtype.h"
#include "vdd/tensor/random.h"

namespace vdd::teach {
namespace fs = std::filesystem;
namespace {

/// A model folder of the given VAE, the image encoder beside it or else a random one, and an
/// untrained UNet.
void write_start(const fs::path& folder, const TeacherModelConfig& config) {
  const auto seed = static_cast<std::uint64_t>(config.seed);
  const pipeline::ModelFolders from = pipeline::find_model(config.vae);
  pipeline::DepthModel model;
  model.vae = pipeline::load_vae(from.vae);
  if (config.random_unet.in_channels != 2 * model.vae->config().latent_channels ||
      config.random_unet.out_channels != model.vae->config().latent_channels) {
    throw ConfigError(
        "model.random_unet.in_channels, out_channels: must be 2 and 1 times the VAE's "
        "latent_channels");
  }
  const bool trained_encoder = path_exists(from.image_encoder);
  if (trained_encoder) {
    model.image_encoder = pipeline::load_image_encoder(from.image_encoder);
  } else {
    model.image_encoder = pipeline::random_image_encoder(config.random_image_encoder, seed);
  }
  const std::int64_t embedding = model.image_encoder->config().projection_dim;
  if (config.random_unet.cross_attention_dim != std::vector{embedding}) {
    throw ConfigError(concat(
        "model.random_unet.cross_attention_dim: must be ", embedding, ", the projection_dim of ",
        trained_encoder ? from.image_encoder.string() : "model.random_image_encoder"));
  }
  model.unet = pipeline::random_unet(config.random_unet, seed);
  StagedFolder staged(folder);
  pipeline::save_depth_model(staged.path(), model);
  staged.commit();
}

fs::path model_folder(const TeacherModelConfig& config, const fs::path& own) {
  if (!config.init.empty()) return config.init;
  if (!path_exists(own)) write_start(own, config);
  return own;
}

}  // namespace

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

TeacherTask::TeacherTask(const TrainTeacherConfig& config, pipeline::DepthModel model,
                         fs::path folder, train::Setup setup)
    : config_(config),
      model_(std::move(model)),
      folder_(std::move(folder)),
      setup_(std::move(setup)),
      schedule_(model_.scheduler),
      targets_(config, model_, setup_.training, setup_.cache, setup_.device),
      compute_dtype_(tensor::parse_dtype(config.precision.compute)) {
  model_.unet->gradient_checkpointing = config.train.gradient_checkpointing;
  selection_ =
      optim::select_parameters(tensor::named_parameters(*model_.unet), config.trained.in_force());
  const auto channels = static_cast<std::size_t>(model_.unet->config().out_channels);
  std::vector<double> weights = config_.latent_weights;
  if (weights.empty()) weights.assign(channels, 1);
  if (weights.size() != channels) {
    throw ConfigError(
        concat("latent_weights: has ", weights.size(), " values for ", channels, " channels"));
  }
  latent_weights_C11_ = torch::tensor(weights, torch::kFloat32).view({-1, 1, 1}).to(setup_.device);
  latent_weights_C11_ /= latent_weights_C11_.mean();
}

std::vector<optim::ParameterGroup> TeacherTask::groups() const {
  return {{.name = "unet", .parameters = selection_.trained(), .lr = config_.optimizer.lr}};
}

std::vector<train::InputWeights> TeacherTask::input_weights() const {
  return {{"unet", "unet", model_.unet_hash},
          {"vae", "vae", model_.vae_hash},
          {"image_encoder", "image_encoder", model_.image_encoder_hash}};
}

train::SampleLoss TeacherTask::step(const data::Clip& clip, std::int64_t n) {
  return steps(std::span(&clip, 1), n).front();
}

torch::Tensor TeacherTask::first_estimate(const pipeline::Conditioning& conditioning,
                                          const torch::Tensor& noise_TChw) {
  torch::NoGradGuard no_grad;
  const optim::Autocast autocast(setup_.device, compute_dtype_);
  return pipeline::denoise_once(model_.unet, conditioning,
                                schedule_.init_noise_sigma() * noise_TChw,
                                schedule_.sigmas(1)[0].item<float>(), config_.noise.noise_aug);
}

std::vector<train::SampleLoss> TeacherTask::steps(std::span<const data::Clip> clips,
                                                  std::int64_t first) {
  std::vector<train::SampleLoss> samples;
  std::vector<torch::Tensor> inputs, timesteps, tokens, targets;
  for (const data::Clip& clip : clips) {
    const std::int64_t n = first + std::ssize(samples);
    const auto [seed, sigma, unroll] =
        draw_noise(config_.noise, static_cast<std::uint64_t>(config_.train.seed), n);
    const distill::TeacherTarget target = targets_.get(clip, n);
    const torch::Tensor z_TChw = target.teacher_latent_TChw.to(setup_.device);
    const pipeline::Conditioning conditioning = {target.rgb_latent_TChw.to(setup_.device),
                                                 target.image_embeds_TD.to(setup_.device)};
    torch::Tensor noise_TChw = tensor::randn(z_TChw.sizes(), seed).to(setup_.device);
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

  const optim::Autocast autocast(setup_.device, compute_dtype_);
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

train::ValidationResult TeacherTask::validate(std::int64_t step, const run::RunDir& run) {
  const train::ValidationConfig& config = config_.validation;
  // Of a layout ("": all) and a number of steps.
  std::map<std::pair<std::string, std::int64_t>, std::vector<metrics::DepthScores>> scores;
  train::ValidationResult result;
  for (std::int64_t k = 0; k < config.clips; ++k) {
    const data::Clip clip = setup_.validation.dataset->load(setup_.validation.seed, k);
    if (!clip.depth_THW.defined()) continue;
    const std::uint64_t seed = derive_seed(setup_.validation.seed, k, "noise");
    const pipeline::Conditioning conditioning = targets_.condition(clip, seed);
    const torch::Tensor noise_TChw = tensor::randn(conditioning.rgb_latent_TChw.sizes(), seed);
    std::vector<io::PictureRow> rows = {{"RGB", io::RowKind::kRgb, clip.rgb_TCHW}};
    for (const std::int64_t steps : config_.validation_steps) {
      if (stop_requested() != StopReason::kNone) return {.complete = false};
      const torch::Tensor latent_TChw =
          pipeline::teacher_sample(model_.unet, schedule_, steps, conditioning,
                                   noise_TChw.to(setup_.device), config_.noise.noise_aug);
      const torch::Tensor disparity_THW =
          pipeline::decode_disparity(model_.vae, latent_TChw, config_.noise.chunk).cpu();
      const auto score = train::score_clip(disparity_THW, clip, config.max_depth);
      const std::string layout = clip.source_id.substr(0, clip.source_id.find('/'));
      scores[{"", steps}].push_back(score);
      scores[{layout + "/", steps}].push_back(score);
      rows.push_back({concat(steps, " steps"), io::RowKind::kDisparity, disparity_THW});
    }
    if (!config.pictures) continue;
    rows.push_back({"truth", io::RowKind::kDisparity, clip.disparity_THW});
    train::add_picture(result, run, step, k, rows, config.columns);
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

void TeacherTask::save_model(const fs::path& checkpoint, std::int64_t step) {
  pipeline::DepthModel model;
  model.unet = model_.unet;
  model.scheduler = model_.scheduler;
  model.info = {.input = pipeline::SamplerInput::kNoise,
                .steps = config_.validation_steps.back(),
                .noise_aug = config_.noise.noise_aug,
                .base = pipeline::base_from(checkpoint, folder_),
                .provenance = setup_.provenance};
  model.info.provenance.step = step;
  pipeline::save_depth_model(checkpoint, model);
}

void TeacherTask::load_model(const fs::path& checkpoint) {
  tensor::load_state(*model_.unet, *pipeline::open_unet_weights(checkpoint / "unet"));
}

std::vector<std::string> TeacherTraining::free_keys() const {
  return {"model.init", "model.unet", "model.vae", "validation_steps*"};
}

void TeacherTraining::resolve() {
  Training::resolve();
  config_.data.rgb_only = false;
}

/// Throws DataError if a part is missing that the config names.
void TeacherTraining::check_inputs() const {
  const TeacherModelConfig& model = config_.model;
  const fs::path folder = model.init.empty() ? model.vae : model.init;
  const bool whole = !model.init.empty();
  pipeline::require_parts(pipeline::find_model(folder, model.unet), folder,
                          {.unet = whole, .image_encoder = whole});
}

std::unique_ptr<train::Task> TeacherTraining::make_task(train::Setup setup) const {
  const fs::path folder = model_folder(config_.model, setup.folder / "teacher");
  pipeline::DepthModel model = pipeline::load_depth_model({.model = folder,
                                                           .unet = config_.model.unet,
                                                           .target = {.device = setup.device},
                                                           .hash = true});
  if (config_.data.clips == 0) setup.cache.clear();  // hardly any clip comes twice
  return std::make_unique<TeacherTask>(config_, std::move(model), folder, std::move(setup));
}

}  // namespace vdd::teach
