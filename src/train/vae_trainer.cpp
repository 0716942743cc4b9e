// SPDX-License-Identifier: Apache-2.0
#include "vdd/train/vae_trainer.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base_folder.h"
#include "vdd/core/random.h"
#include "vdd/core/stop.h"
#include "vdd/core/system.h"
#include "vdd/core/text.h"
#include "vdd/metrics/depth.h"
#include "vdd/nn/initialize.h"
#include "vdd/pipeline/model_folder.h"
#include "vdd/pipeline/sampling.h"
#include "vdd/tensor/dtype.h"
#include "vdd/tensor/random.h"
#include "vdd/train/latent_whitening.h"

namespace vdd::train {
namespace fs = std::filesystem;
namespace {

constexpr std::int64_t kChunk = 8;  // frames that are reconstructed at once, as in sampling

models::AutoencoderKLTemporalDecoder starting_vae(const VaeModelConfig& config,
                                                  torch::Device device) {
  if (!config.init.empty()) {
    const auto folders = pipeline::find_model(config.init);
    pipeline::require_parts(folders, config.init, {.unet = false, .image_encoder = false});
    return pipeline::load_vae(folders.vae, {.dtype = torch::kFloat32, .device = device});
  }
  models::AutoencoderKLTemporalDecoder vae(config.vae);
  nn::initialize(*vae, static_cast<std::uint64_t>(config.seed));
  vae->to(device);
  return vae;
}

/// The latents that the start has are those that it ends with.
bool latents_stay(const VaeModelConfig& config, const Selection& selection) {
  if (config.init.empty() || config.whiten) return false;
  return std::ranges::none_of(selection.trained(), [](const auto& weight) {
    return weight.first.starts_with("encoder.") || weight.first.starts_with("quant_conv.");
  });
}

torch::Tensor disparity_images(const data::Clip& clip) {
  return (2 * clip.disparity_THW - 1).unsqueeze(1).expand({-1, 3, -1, -1});
}

}  // namespace

VaeBatch draw_crops(const data::Clip& clip, const CropConfig& config, std::uint64_t seed,
                    std::int64_t n, std::int64_t grid) {
  const std::int64_t rows = (clip.rgb_TCHW.size(2) - config.size) / grid + 1;
  const std::int64_t columns = (clip.rgb_TCHW.size(3) - config.size) / grid + 1;
  at::Generator generator = tensor::make_generator(derive_seed(seed, n, "crops"));
  const torch::Tensor top = torch::randint(rows, {config.count}, generator, torch::kInt64);
  const torch::Tensor left = torch::randint(columns, {config.count}, generator, torch::kInt64);
  const torch::Tensor corner_K2 = grid * at::stack({top, left}, 1);

  std::vector<torch::Tensor> cuts, kinds;
  const std::int64_t frames = clip.rgb_TCHW.size(0);
  for (std::int64_t k = 0; k < config.count; ++k) {
    const auto shown = [&](std::int64_t more) {  // disparity among all cuts so far and `more`
      return std::floor(config.disparity * static_cast<double>(n * config.count + more));
    };
    const bool disparity = clip.disparity_THW.defined() && shown(k + 1) > shown(k);
    const torch::Tensor images = disparity ? disparity_images(clip) : clip.rgb_TCHW;
    cuts.push_back(images.narrow(2, corner_K2[k][0].item<std::int64_t>(), config.size)
                       .narrow(3, corner_K2[k][1].item<std::int64_t>(), config.size));
    kinds.push_back(torch::full({frames}, disparity, torch::kBool));
  }
  return {.target_NCHW = at::cat(cuts),
          .is_disparity_N = at::cat(kinds),
          .corner_K2 = corner_K2,
          .frames = frames};
}

torch::Tensor with_answer(const torch::Tensor& z_NChw, const VaeBatch& batch,
                          const torch::Tensor& answer_TChw, std::int64_t scale) {
  std::vector<torch::Tensor> cuts = z_NChw.split(batch.frames);
  for (std::size_t k = 0; k < cuts.size(); ++k) {
    const auto cut = static_cast<std::int64_t>(k);
    if (!batch.is_disparity_N[cut * batch.frames].item<bool>()) continue;
    const auto start = [&](int axis) {
      return batch.corner_K2[cut][axis].item<std::int64_t>() / scale;
    };
    cuts[k] = answer_TChw.narrow(2, start(0), z_NChw.size(2)).narrow(3, start(1), z_NChw.size(3));
  }
  return at::cat(cuts);
}

torch::Tensor disturbed_depth(const torch::Tensor& z_NChw, const torch::Tensor& is_disparity_N,
                              std::int64_t frames, double largest, std::uint64_t seed) {
  const torch::Tensor chosen = is_disparity_N.nonzero().squeeze(1);
  if (largest == 0 || chosen.numel() == 0) return z_NChw;
  at::Generator generator = tensor::make_generator(derive_seed(seed, 0, "latent_noise_level"));
  const torch::Tensor level_N111 = (largest * torch::rand({z_NChw.size(0) / frames}, generator))
                                       .repeat_interleave(frames)
                                       .view({-1, 1, 1, 1})
                                       .to(z_NChw.device());
  const torch::Tensor noise_NChw =
      tensor::randn(z_NChw.sizes(), derive_seed(seed, 0, "latent_noise")).to(z_NChw.device());
  // Not detached: larger latents are no way out. The small number is for constant images.
  const torch::Tensor std_C11 =
      (z_NChw.index_select(0, chosen).var({0, 2, 3}) + 1e-6).sqrt().view({-1, 1, 1});
  return z_NChw + is_disparity_N.view({-1, 1, 1, 1}) * level_N111 * std_C11 * noise_NChw;
}

void check_teacher(const TrainVaeConfig& config) {
  if (config.model.teacher.empty()) return;
  const pipeline::ModelFolders folders = pipeline::find_model(config.model.teacher);
  pipeline::require_parts(folders, config.model.teacher);
  const auto vae = starting_vae(config.model, torch::kCPU);
  if (!latents_stay(config.model, select_parameters(named_parameters(*vae), config.trained))) {
    throw ConfigError(
        "trained.patterns: encoder and quant_conv must not train, nor model.whiten be set, with "
        "model.teacher, whose latents are those of model.init");
  }
  const auto teacher = pipeline::load_vae(folders.vae);
  std::map<std::string, torch::Tensor> its;
  for (const auto& [name, value] : named_parameters(*teacher)) its.emplace(name, value);
  bool same = vae->config().scaling_factor == teacher->config().scaling_factor;
  for (const auto& [name, value] : named_parameters(*vae)) {
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

std::shared_ptr<ClipTargets> teacher_answers(const TrainVaeConfig& config,
                                             std::shared_ptr<data::ClipDataset> training,
                                             const fs::path& cache_dir, torch::Device device) {
  if (config.model.teacher.empty()) return nullptr;
  DistillConfig asked;
  asked.student.noise = "fixed_per_clip";
  asked.data = config.data;
  asked.train = config.train;
  asked.validation = config.validation;
  return std::make_shared<ClipTargets>(
      asked,
      std::make_shared<Teacher>(pipeline::find_model(config.model.teacher), config.teacher,
                                cache_dir, device),
      std::move(training));
}

VaeTrainer::VaeTrainer(const TrainVaeConfig& config, std::shared_ptr<data::ClipDataset> training,
                       std::shared_ptr<ClipTargets> answers, ValidationData validation,
                       Origin origin, torch::Device device)
    : config_(config),
      training_(std::move(training)),
      answers_(std::move(answers)),
      validation_(std::move(validation)),
      origin_(std::move(origin)),
      device_(device),
      compute_dtype_(tensor::parse_dtype(config.precision.compute)),
      vae_(starting_vae(config.model, device)),
      selection_(select_parameters(named_parameters(*vae_), config.trained)) {
  if (config.model.whiten) whiten_latents(vae_, sample_latents(), config.model.posterior_std);
}

std::vector<ParameterGroup> VaeTrainer::groups() const {
  return {{.name = "vae", .parameters = selection_.trained(), .lr = config_.optimizer.lr}};
}

SampleLoss VaeTrainer::step(const data::Clip& clip, std::int64_t n) {
  const auto seed = static_cast<std::uint64_t>(config_.train.seed);
  const std::int64_t scale = vae_->config().scale();
  const VaeBatch batch = draw_crops(clip, config_.crops, seed, n, answers_ ? scale : 1);
  const torch::Tensor target_NCHW = batch.target_NCHW.to(device_);
  const std::uint64_t noise_seed = derive_seed(seed, n, "noise");

  const Autocast autocast(device_, compute_dtype_);
  const torch::Tensor moments_NChw = vae_->encode_moments(target_NCHW).to(torch::kFloat32);
  const auto halves = moments_NChw.chunk(2, 1);
  const torch::Tensor noise = tensor::randn(halves[0].sizes(), noise_seed).to(device_);
  torch::Tensor z_NChw = halves[0] + (0.5 * halves[1].clamp(-30, 20)).exp() * noise;
  if (answers_ && batch.is_disparity_N.any().item<bool>()) {
    const torch::Tensor answer_TChw = answers_->get(clip, n).teacher_latent_TChw.to(device_);
    z_NChw = with_answer(z_NChw, batch, answer_TChw / vae_->config().scaling_factor, scale);
  }
  const torch::Tensor is_disparity_N = batch.is_disparity_N.to(device_);
  const torch::Tensor image_NCHW = vae_->decode(
      disturbed_depth(z_NChw, is_disparity_N, batch.frames, config_.latent_noise, noise_seed),
      batch.frames);
  return {.loss = losses::reconstruction_loss(image_NCHW, target_NCHW, is_disparity_N, moments_NChw,
                                              config_.loss),
          .noise_seed = static_cast<std::int64_t>(noise_seed)};
}

torch::Tensor VaeTrainer::reconstruct(const torch::Tensor& images_T3HW) {
  std::vector<torch::Tensor> parts;
  for (const torch::Tensor& part : images_T3HW.to(device_).split(kChunk)) {
    parts.push_back(vae_->decode(vae_->encode_mode(part), part.size(0)).to(torch::kFloat32).cpu());
  }
  return at::cat(parts);
}

ValidationResult VaeTrainer::validate(std::int64_t step, const RunDir& run) {
  const ValidationConfig& config = config_.validation;
  const auto clips = static_cast<double>(config.clips);
  double l1 = 0, psnr = 0;
  std::vector<metrics::DepthScores> scores, answer_scores;
  ValidationResult result;
  for (std::int64_t k = 0; k < config.clips; ++k) {
    if (stop_requested() != StopReason::kNone) return {.complete = false};
    const data::Clip clip = validation_.dataset->load(validation_.seed, k);
    const torch::Tensor image = reconstruct(clip.rgb_TCHW).clamp(-1, 1);
    const torch::Tensor residual = (image - clip.rgb_TCHW) / 2;  // of pictures in [0,1]
    l1 += residual.abs().mean().item<double>() / clips;
    psnr -= 10 * std::log10(std::max(residual.square().mean().item<double>(), 1e-12)) / clips;
    std::vector<io::PictureRow> rows = {{"RGB", io::RowKind::kRgb, clip.rgb_TCHW},
                                        {"decoded", io::RowKind::kRgb, image}};
    if (clip.depth_THW.defined()) {
      const torch::Tensor disparity_THW =
          pipeline::disparity_from_rgb(reconstruct(disparity_images(clip)));
      scores.push_back(score_clip(disparity_THW, clip, config.max_depth));
      rows.push_back({"truth", io::RowKind::kDisparity, clip.disparity_THW});
      rows.push_back({"decoded", io::RowKind::kDisparity, disparity_THW});
      if (answers_) {
        const torch::Tensor latent_TChw =
            answers_->get(clip, k, ClipTargets::Use::kValidation).teacher_latent_TChw;
        const torch::Tensor answer_THW =
            pipeline::decode_disparity(vae_, latent_TChw.to(device_), kChunk).cpu();
        answer_scores.push_back(score_clip(answer_THW, clip, config.max_depth));
        rows.push_back({"teacher", io::RowKind::kDisparity, answer_THW});
      }
    }
    if (!config.pictures) continue;
    add_picture(result, run, step, k, rows, config.columns);
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
torch::Tensor VaeTrainer::sample_latents() {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> latents_NC;
  for (std::int64_t k = 0; k < config_.scale_clips; ++k) {
    const data::Clip clip = training_->load(static_cast<std::uint64_t>(config_.train.seed), k);
    std::vector<torch::Tensor> kinds = {clip.rgb_TCHW};
    if (clip.disparity_THW.defined()) kinds.push_back(disparity_images(clip));
    for (const torch::Tensor& images : kinds) {
      for (const torch::Tensor& part : images.to(device_).split(kChunk)) {
        latents_NC.push_back(vae_->encode_mode(part).permute({0, 2, 3, 1}).flatten(0, 2).cpu());
      }
    }
  }
  return at::cat(latents_NC).to(torch::kFloat64);
}

double VaeTrainer::measure_scaling_factor() {
  return 1 / std::max(sample_latents().std().item<double>(), 1e-6);
}

void VaeTrainer::save_model(const fs::path& checkpoint, std::int64_t step) {
  pipeline::DepthModel model;
  model.vae = vae_;
  if (answers_) {  // with the rest of the teacher it is a whole model
    model.info = answers_->teacher().folders().info;
    model.info.base = base_from(checkpoint, config_.model.teacher);
  }
  model.info.provenance = {.program = "vdd train-vae",
                           .version = version(),
                           .step = step,
                           .config = origin_.config,
                           .teacher_hash = answers_ ? answers_->teacher().unet_hash() : "",
                           .data_hash = origin_.data_hash};
  pipeline::save_depth_model(checkpoint, model);
  models::VaeConfig config = vae_->config();
  if (!latents_stay(config_.model, selection_)) config.scaling_factor = measure_scaling_factor();
  pipeline::save_vae_config(checkpoint / "vae", config);
}

void VaeTrainer::load_model(const fs::path& checkpoint) {
  tensor::load_state(*vae_, *pipeline::open_vae_weights(checkpoint / "vae"));
}

}  // namespace vdd::train
