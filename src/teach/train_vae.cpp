// SPDX-License-Identifier: Apache-2.0
#include "vdd/teach/train_vae.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "vdd/core/error.h"
#include "vdd/core/random.h"
#include "vdd/core/stop.h"
#include "vdd/core/text.h"
#include "vdd/metrics/depth.h"
#include "vdd/nn/initialize.h"
#include "vdd/optim/amp.h"
#include "vdd/pipeline/model_folder.h"
#include "vdd/pipeline/sampling.h"
#include "vdd/teach/depth_targets.h"
#include "vdd/teach/latent_whitening.h"
#include "vdd/teach/vae_batch.h"
#include "vdd/tensor/dtype.h"
#include "vdd/tensor/random.h"

namespace vdd::teach {
namespace fs = std::filesystem;
namespace {

constexpr std::int64_t kChunk = 8;  // frames that are reconstructed at once, as in sampling

/// The folder of the VAE that the run starts from. Throws DataError if there is none.
fs::path starting_folder(const VaeModelConfig& config) {
  const auto folders = pipeline::find_model(config.init);
  pipeline::require_parts(folders, config.init, {.unet = false, .image_encoder = false});
  return folders.vae;
}

models::AutoencoderKLTemporalDecoder starting_vae(const VaeModelConfig& config,
                                                  torch::Device device) {
  if (!config.init.empty()) {
    return pipeline::load_vae(starting_folder(config),
                              {.dtype = torch::kFloat32, .device = device});
  }
  models::AutoencoderKLTemporalDecoder vae(config.vae);
  nn::initialize(*vae, static_cast<std::uint64_t>(config.seed));
  vae->to(device);
  return vae;
}

/// The latents that the start has are those that it ends with.
bool latents_stay(const VaeModelConfig& config, const optim::Selection& selection) {
  if (config.init.empty() || config.whiten) return false;
  return std::ranges::none_of(selection.trained(), [](const auto& weight) {
    return weight.first.starts_with("encoder.") || weight.first.starts_with("quant_conv.");
  });
}

/// The hash of the weights that the run starts from; empty: random ones, which the config
/// determines.
std::string starting_hash(const VaeModelConfig& config) {
  if (config.init.empty()) return "";
  return tensor::content_hash(*pipeline::open_vae_weights(starting_folder(config)));
}

}  // namespace

void check_teacher(const TrainVaeConfig& config) {
  if (config.model.teacher.empty()) return;
  const pipeline::ModelFolders folders = pipeline::find_model(config.model.teacher);
  pipeline::require_parts(folders, config.model.teacher);
  const auto vae = starting_vae(config.model, torch::kCPU);
  if (!latents_stay(config.model, optim::select_parameters(tensor::named_parameters(*vae),
                                                           config.trained.patterns))) {
    throw ConfigError(
        "trained.patterns: encoder and quant_conv must not train, nor model.whiten be set, with "
        "model.teacher, whose latents are those of model.init");
  }
  const auto teacher = pipeline::load_vae(folders.vae);
  std::map<std::string, torch::Tensor> its;
  for (const auto& [name, value] : tensor::named_parameters(*teacher)) its.emplace(name, value);
  bool same = vae->config().scaling_factor == teacher->config().scaling_factor;
  for (const auto& [name, value] : tensor::named_parameters(*vae)) {
    if (name.starts_with("decoder.")) continue;
    const auto found = its.find(name);
    // They may be the same weights in half precision.
    same = same && found != its.end() && found->second.sizes() == value.sizes() &&
           torch::allclose(found->second, value, /*rtol=*/1e-3, /*atol=*/1e-7);
  }
  if (same) return;
  throw ConfigError(concat("model.teacher: the encoder of '", config.model.teacher,
                           "' is not that of model.init, '", config.model.init,
                           "'; a decoder cannot learn from other latents"));
}

std::shared_ptr<distill::ClipTargets> teacher_answers(const TrainVaeConfig& config,
                                                      const train::Setup& setup) {
  if (config.model.teacher.empty()) return nullptr;
  distill::DistillConfig asked;
  asked.student.noise = distill::NoisePer::kClip;
  asked.data = config.data;
  asked.train = config.train;
  asked.validation = config.validation;
  asked.cache = config.cache;
  auto teacher = std::make_shared<distill::Teacher>(pipeline::find_model(config.model.teacher),
                                                    config.teacher, setup.cache, setup.device);
  return std::make_shared<distill::ClipTargets>(asked, std::move(teacher), setup.training);
}

VaeTask::VaeTask(const TrainVaeConfig& config, train::Setup setup)
    : config_(config),
      setup_(std::move(setup)),
      answers_(teacher_answers(config, setup_)),
      compute_dtype_(tensor::parse_dtype(config.precision.compute)),
      vae_(starting_vae(config.model, setup_.device)),
      starting_hash_(starting_hash(config.model)),
      selection_(
          optim::select_parameters(tensor::named_parameters(*vae_), config.trained.patterns)) {
  if (config.model.whiten) whiten_latents(vae_, sample_latents(), config.model.posterior_std);
}

std::vector<optim::ParameterGroup> VaeTask::groups() const {
  return {{.name = "vae", .parameters = selection_.trained(), .lr = config_.optimizer.lr}};
}

std::vector<train::InputWeights> VaeTask::input_weights() const {
  std::vector<train::InputWeights> all = {{"vae", "VAE", starting_hash_}};
  if (!answers_) return all;
  for (train::InputWeights weights : answers_->teacher().weights()) {
    weights.part = weights.name;  // "vae" is what trains
    all.push_back(std::move(weights));
  }
  return all;
}

train::SampleLoss VaeTask::step(const data::Clip& clip, std::int64_t n) {
  const auto seed = static_cast<std::uint64_t>(config_.train.seed);
  const std::int64_t scale = vae_->config().scale();
  const VaeBatch batch = draw_crops(clip, config_.crops, seed, n, answers_ ? scale : 1);
  const torch::Tensor target_NCHW = batch.target_NCHW.to(setup_.device);
  const std::uint64_t noise_seed = derive_seed(seed, n, "noise");

  const optim::Autocast autocast(setup_.device, compute_dtype_);
  const torch::Tensor moments_NChw = vae_->encode_moments(target_NCHW).to(torch::kFloat32);
  const auto halves = moments_NChw.chunk(2, 1);
  const torch::Tensor noise = tensor::randn(halves[0].sizes(), noise_seed).to(setup_.device);
  torch::Tensor z_NChw = halves[0] + (0.5 * halves[1].clamp(-30, 20)).exp() * noise;
  if (answers_ && batch.is_disparity_N.any().item<bool>()) {
    const torch::Tensor answer_TChw = answers_->get(clip, n).teacher_latent_TChw.to(setup_.device);
    z_NChw = with_answer(z_NChw, batch, answer_TChw / vae_->config().scaling_factor, scale);
  }
  const torch::Tensor is_disparity_N = batch.is_disparity_N.to(setup_.device);
  const torch::Tensor image_NCHW = vae_->decode(
      disturbed_depth(z_NChw, is_disparity_N, batch.frames, config_.latent_noise, noise_seed),
      batch.frames);
  return {.loss = losses::reconstruction_loss(image_NCHW, target_NCHW, is_disparity_N, moments_NChw,
                                              config_.loss),
          .noise_seed = static_cast<std::int64_t>(noise_seed)};
}

torch::Tensor VaeTask::reconstruct(const torch::Tensor& images_T3HW) {
  std::vector<torch::Tensor> parts;
  for (const torch::Tensor& part : images_T3HW.to(setup_.device).split(kChunk)) {
    parts.push_back(vae_->decode(vae_->encode_mode(part), part.size(0)).to(torch::kFloat32).cpu());
  }
  return at::cat(parts);
}

train::ValidationResult VaeTask::validate(std::int64_t step, const run::RunDir& run) {
  const train::ValidationConfig& config = config_.validation;
  const auto clips = static_cast<double>(config.clips);
  double l1 = 0, psnr = 0;
  std::vector<metrics::DepthScores> scores, answer_scores;
  train::ValidationResult result;
  for (std::int64_t k = 0; k < config.clips; ++k) {
    if (stop_requested() != StopReason::kNone) return {.complete = false};
    const data::Clip clip = setup_.validation.dataset->load(setup_.validation.seed, k);
    const torch::Tensor image = reconstruct(clip.rgb_TCHW).clamp(-1, 1);
    const torch::Tensor residual = (image - clip.rgb_TCHW) / 2;  // of pictures in [0,1]
    l1 += residual.abs().mean().item<double>() / clips;
    psnr -= 10 * std::log10(std::max(residual.square().mean().item<double>(), 1e-12)) / clips;
    std::vector<io::PictureRow> rows = {{"RGB", io::RowKind::kRgb, clip.rgb_TCHW},
                                        {"decoded", io::RowKind::kRgb, image}};
    if (clip.depth_THW.defined()) {
      const torch::Tensor disparity_THW =
          pipeline::disparity_from_rgb(reconstruct(disparity_images(clip.disparity_THW)));
      scores.push_back(train::score_clip(disparity_THW, clip, config.max_depth));
      rows.push_back({"truth", io::RowKind::kDisparity, clip.disparity_THW});
      rows.push_back({"decoded", io::RowKind::kDisparity, disparity_THW});
      if (answers_) {
        const torch::Tensor latent_TChw =
            answers_->get(clip, k, distill::ClipTargets::Use::kValidation).teacher_latent_TChw;
        const torch::Tensor answer_THW =
            pipeline::decode_disparity(vae_, latent_TChw.to(setup_.device), kChunk).cpu();
        answer_scores.push_back(train::score_clip(answer_THW, clip, config.max_depth));
        rows.push_back({"teacher", io::RowKind::kDisparity, answer_THW});
      }
    }
    if (!config.pictures) continue;
    train::add_picture(result, run, step, k, rows, config.columns);
  }
  result.metrics.add("valid/rgb_l1", l1).add("valid/rgb_psnr", psnr);
  result.score = l1;
  const auto add = [&](const std::string& of, const std::vector<metrics::DepthScores>& list) {
    if (list.empty()) return;
    const metrics::DepthScores mean = metrics::mean_over_clips(list);
    result.metrics.add(concat("valid/", of, "abs_rel"), mean.abs_rel)
        .add(concat("valid/", of, "delta1"), mean.delta1);
    result.score = mean.abs_rel;
  };
  add("", scores);
  add("answer_", answer_scores);
  return result;
}

/// The modes [N,C] of the first config.scale_clips clips, pictures and disparity alike.
torch::Tensor VaeTask::sample_latents() {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> latents_NC;
  const auto add = [&](const torch::Tensor& images) {
    for (const torch::Tensor& part : images.to(setup_.device).split(kChunk)) {
      latents_NC.push_back(vae_->encode_mode(part).permute({0, 2, 3, 1}).flatten(0, 2).cpu());
    }
  };
  for (std::int64_t k = 0; k < config_.scale_clips; ++k) {
    const auto seed = static_cast<std::uint64_t>(config_.train.seed);
    const data::Clip clip = setup_.training->load(seed, k);
    add(clip.rgb_TCHW);
    if (clip.disparity_THW.defined()) add(disparity_images(clip.disparity_THW));
  }
  return at::cat(latents_NC).to(torch::kFloat64);
}

double VaeTask::measure_scaling_factor() {
  return 1 / std::max(sample_latents().std().item<double>(), 1e-6);
}

void VaeTask::save_model(const fs::path& checkpoint, std::int64_t step) {
  pipeline::DepthModel model;
  model.vae = vae_;
  if (answers_) {  // with the rest of the teacher it is a whole model
    model.info = answers_->teacher().folders().info;
    model.info.base = pipeline::base_from(checkpoint, config_.model.teacher);
  }
  model.info.provenance = setup_.provenance;
  model.info.provenance.step = step;
  if (answers_) model.info.provenance.teacher_hash = answers_->teacher().unet_hash();
  pipeline::save_depth_model(checkpoint, model);
  models::VaeConfig config = vae_->config();
  if (!latents_stay(config_.model, selection_)) config.scaling_factor = measure_scaling_factor();
  pipeline::save_vae_config(checkpoint / "vae", config);
}

void VaeTask::load_model(const fs::path& checkpoint) {
  tensor::load_state(*vae_, *pipeline::open_vae_weights(checkpoint / "vae"));
}

void VaeTask::reserve_disk(std::int64_t bytes, const fs::path& run) {
  if (answers_) answers_->reserve_disk(bytes, run, setup_.validation);
}

void VaeTask::log_end() const {
  if (answers_) answers_->teacher().store().log_unwritten();
}

std::vector<std::string> VaeTraining::free_keys() const {
  return {"model.init", "model.teacher"};
}

void VaeTraining::resolve() {
  Training::resolve();
  config_.data.rgb_only = false;
}

void VaeTraining::check_inputs() const {
  if (!config_.model.init.empty()) pipeline::open_vae_weights(starting_folder(config_.model));
  check_teacher(config_);
}

std::unique_ptr<train::Task> VaeTraining::make_task(train::Setup setup) const {
  return std::make_unique<VaeTask>(config_, std::move(setup));
}

}  // namespace vdd::teach
