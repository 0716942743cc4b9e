// SPDX-License-Identifier: Apache-2.0
#include "vdd/teach/depth_targets.h"

#include "vdd/config/writer.h"
#include "vdd/core/error.h"
#include "vdd/core/hash.h"
#include "vdd/core/random.h"
#include "vdd/core/text.h"
#include "vdd/distill/clip_targets.h"
#include "vdd/tensor/random.h"

namespace vdd::teach {
namespace {

/// Changes whenever the same parts would give another target.
constexpr const char* kFormat = "vdd-depth-target-2";

}  // namespace

torch::Tensor disparity_images(const torch::Tensor& disparity_THW) {
  return (2 * disparity_THW - 1).unsqueeze(1).expand({-1, 3, -1, -1});
}

torch::Tensor depth_latent(models::AutoencoderKLTemporalDecoder& vae,
                           const torch::Tensor& disparity_THW, std::int64_t chunk) {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> latents;
  for (const torch::Tensor& part : disparity_images(disparity_THW).split(chunk)) {
    latents.push_back(vae->encode_mode(part).to(torch::kFloat32));
  }
  return at::cat(latents) * vae->config().scaling_factor;
}

DepthTargets::DepthTargets(const TrainTeacherConfig& config, const pipeline::DepthModel& model,
                           std::shared_ptr<data::ClipDataset> training,
                           const std::filesystem::path& cache_dir, torch::Device device)
    : noise_(config.noise),
      seed_(static_cast<std::uint64_t>(config.train.seed)),
      vae_(model.vae),
      image_encoder_(model.image_encoder),
      training_(std::move(training)),
      device_(device),
      store_(cache_dir, distill::CacheUse::kOptional) {
  if (cache_dir.empty()) return;
  store_.set_max_bytes(config.cache.max_bytes());
  fixed_parts_ = {{"format", kFormat},
                  {"vae", model.vae_hash},
                  {"vae_config", sha256_hex(config::to_json(model.vae->config()))},
                  {"image_encoder", model.image_encoder_hash},
                  {"image_encoder_config", sha256_hex(config::to_json(image_encoder_->config()))},
                  {"noise_aug", shortest(noise_.noise_aug)},
                  {"chunk", concat(noise_.chunk)},
                  {"device", distill::device_key(device)},
                  {"disparity_range", std::string(to_name(config.data.disparity_range))}};
}

std::int64_t DepthTargets::noise_seed(const std::string& content_key) const {
  return distill::noise_seed(/*fixed_per_clip=*/true, seed_, content_key, 0);
}

distill::KeyParts DepthTargets::key_parts(const std::string& content_key) const {
  distill::KeyParts parts = fixed_parts_;
  parts.emplace_back("clip", content_key);
  parts.emplace_back("noise_seed", concat(noise_seed(content_key)));
  return parts;
}

bool DepthTargets::wants_pixels(const data::ClipPlan& plan) const {
  return !store_.contains(key_parts(plan.content_key));
}

distill::TeacherTarget DepthTargets::get(const data::Clip& clip, std::int64_t n) {
  return store_.get(key_parts(clip.content_key), [&] {
    // Without pixels: it was in the cache when the loader looked, and is gone or damaged now.
    return compute(clip.rgb_TCHW.defined() ? clip : training_->load(seed_, n));
  });
}

distill::CacheForecast DepthTargets::forecast() const {
  if (!store_.has_cache()) return {};
  const data::DataConfig& data = training_->config();
  const models::VaeConfig& vae = vae_->config();
  const std::int64_t cells = data.height * data.width / (vae.scale() * vae.scale());
  const std::int64_t values =
      2 * vae.latent_channels * cells + image_encoder_->config().projection_dim;
  const auto missing = [&](std::int64_t n) { return wants_pixels(training_->plan(seed_, n)); };
  const std::int64_t entries = distill::count_missing(data.clips, missing);
  return {.entries = entries,
          .bytes = entries * data.frames * values * static_cast<std::int64_t>(sizeof(float))};
}

void DepthTargets::reserve_disk(std::int64_t reserved, const std::filesystem::path& run) {
  store_.reserve_disk(forecast(), reserved, run);
}

pipeline::Conditioning DepthTargets::condition(const data::Clip& clip, std::uint64_t noise_seed) {
  const torch::Tensor pixel_noise =
      tensor::randn(clip.rgb_TCHW.sizes(), derive_seed(noise_seed, 0, "pixel_noise"));
  return pipeline::encode_video(vae_, image_encoder_, clip.rgb_TCHW.to(device_), noise_.noise_aug,
                                pixel_noise.to(device_), noise_.chunk);
}

distill::TeacherTarget DepthTargets::compute(const data::Clip& clip) {
  if (!clip.disparity_THW.defined()) {
    throw DataError(clip.source_id, "has no depth to learn from");
  }
  const std::int64_t seed = noise_seed(clip.content_key);
  const pipeline::Conditioning conditioning = condition(clip, static_cast<std::uint64_t>(seed));
  return {.rgb_latent_TChw = conditioning.rgb_latent_TChw.cpu(),
          .image_embeds_TD = conditioning.image_embeds_TD.cpu(),
          .noise_seed = seed,
          .teacher_latent_TChw =
              depth_latent(vae_, clip.disparity_THW.to(device_), noise_.chunk).contiguous().cpu()};
}

}  // namespace vdd::teach
