// SPDX-License-Identifier: Apache-2.0
#include "vdd/distill/teacher.h"

#include <map>

#include "vdd/config/reader.h"
#include "vdd/config/writer.h"
#include "vdd/core/error.h"
#include "vdd/core/hash.h"
#include "vdd/core/log.h"
#include "vdd/core/random.h"
#include "vdd/core/text.h"
#include "vdd/losses/affinity.h"
#include "vdd/optim/amp.h"
#include "vdd/pipeline/sampling.h"
#include "vdd/tensor/dtype.h"
#include "vdd/tensor/random.h"

namespace vdd::distill {
namespace {

/// Changes whenever the same parts would give another target.
constexpr const char* kFormat = "vdd-teacher-target-1";

template <typename Config>
std::string config_hash(const Config& config) {
  return sha256_hex(config::to_json(config));
}

/// Rounded to `dtype` and back, on the CPU, and no inference tensor: autograd may keep it.
torch::Tensor finish(const torch::Tensor& x, torch::Dtype dtype) {
  return x.detach().to(torch::kCPU).to(dtype).to(torch::kFloat32).contiguous().clone();
}

void check_maps(const DecoderMaps& maps, const models::VaeConfig& vae) {
  std::vector<std::string> known = {"decoder.conv_in", "decoder.mid_block"};
  for (std::size_t i = 0; i < vae.block_out_channels.size(); ++i) {
    known.push_back(concat("decoder.up_blocks.", i));
  }
  for (const auto& [map, pool] : maps) {
    if (std::ranges::find(known, map) != known.end()) continue;
    throw ConfigError(concat("loss.affinity.pairs: the VAE decoder has no map '", escape(map), "'",
                             did_you_mean(map, known)));
  }
}

/// Numbers in one frame of a decoder map.
std::int64_t map_values(const models::VaeConfig& vae, const std::string& map, std::int64_t pool,
                        std::int64_t height, std::int64_t width) {
  const std::vector<std::int64_t> widths(vae.block_out_channels.rbegin(),
                                         vae.block_out_channels.rend());
  constexpr std::string_view kUpBlocks = "decoder.up_blocks.";
  std::size_t block = 0;
  std::int64_t pixels = vae.scale();  // of a side of a cell
  if (map.starts_with(kUpBlocks)) {
    block = std::stoul(map.substr(kUpBlocks.size()));
    pixels = std::max<std::int64_t>(1, pixels >> (block + 1));
  }
  if (pool > 0) pixels = pool;
  return widths[block] * (height / pixels) * (width / pixels);
}

/// Points `tensor` at the memory of `other` if they hold the same.
bool share(const torch::Tensor& tensor, const torch::Tensor& other) {
  if (tensor.scalar_type() != other.scalar_type() || tensor.device() != other.device() ||
      !torch::equal(tensor, other)) {
    return false;
  }
  tensor.set_data(other.detach());
  return true;
}

}  // namespace

Teacher::Teacher(const pipeline::ModelFolders& folders, const TeacherConfig& config,
                 const std::filesystem::path& cache_dir, torch::Device device,
                 std::optional<DecoderMaps> maps, CacheUse use)
    : folders_(folders),
      config_(config),
      store_(cache_dir, use),
      device_(device),
      maps_(std::move(maps)) {
  vae_config_ = config::load_json<models::VaeConfig>(folders.vae / "config.json");
  if (maps_) check_maps(*maps_, vae_config_);
  model_.scheduler = pipeline::load_scheduler(folders.scheduler);
  model_.unet_hash = tensor::content_hash(*pipeline::open_unet_weights(folders.unet));
  model_.vae_hash = tensor::content_hash(*pipeline::open_vae_weights(folders.vae));
  model_.image_encoder_hash =
      tensor::content_hash(*pipeline::open_image_encoder_weights(folders.image_encoder));
  const auto unet_config = config::load_json<models::UNetConfig>(folders.unet / "config.json");
  const auto clip_config =
      config::load_json<models::ClipConfig>(folders.image_encoder / "config.json");
  embedding_ = clip_config.projection_dim;
  fixed_parts_ = {{"format", kFormat},
                  {"unet", model_.unet_hash},
                  {"unet_config", config_hash(unet_config)},
                  {"vae", model_.vae_hash},
                  {"vae_config", config_hash(vae_config_)},
                  {"image_encoder", model_.image_encoder_hash},
                  {"image_encoder_config", config_hash(clip_config)},
                  {"scheduler", config_hash(model_.scheduler)},
                  {"steps", concat(config.steps)},
                  {"noise_aug", shortest(config.noise_aug)},
                  {"chunk", concat(config.chunk)},
                  {"dtype", pipeline::dtype_key(tensor::parse_dtype(config.dtype),
                                                tensor::parse_dtype(config.vae_dtype))},
                  {"target_dtype", config.target_dtype},
                  {"device", device_key(device)}};
}

KeyParts Teacher::latent_key_parts(const Request& request) const {
  KeyParts parts = fixed_parts_;
  parts.emplace_back("clip", request.content_key);
  parts.emplace_back("size", concat(request.frames, "x", request.height, "x", request.width));
  parts.emplace_back("noise_seed", concat(request.noise_seed));
  return parts;
}

KeyParts Teacher::key_parts(const Request& request) const {
  KeyParts parts = latent_key_parts(request);
  if (!maps_) return parts;
  std::string decoded = "disparity";
  for (const auto& [map, pool] : *maps_) decoded += concat(' ', map, '/', pool);
  parts.emplace_back("decoded", decoded);
  return parts;
}

std::int64_t Teacher::target_bytes(const Request& request) const {
  const std::int64_t cells = request.height * request.width / (latent_scale() * latent_scale());
  std::int64_t values = 2 * latent_channels() * cells + embedding_;
  if (maps_) {
    values += request.height * request.width;
    for (const auto& [map, pool] : *maps_) {
      values += map_values(vae_config_, map, pool, request.height, request.width);
    }
  }
  return request.frames * values * static_cast<std::int64_t>(sizeof(float));
}

std::vector<train::InputWeights> Teacher::weights() const {
  return {{"unet", "teacher UNet", model_.unet_hash},
          {"vae", "teacher VAE", model_.vae_hash},
          {"image_encoder", "teacher image encoder", model_.image_encoder_hash}};
}

TeacherTarget Teacher::get(const Request& request, const std::function<torch::Tensor()>& rgb,
                           bool again) {
  return store_.get(
      key_parts(request), [&] { return compute(request, rgb()); }, again);
}

TeacherTarget Teacher::compute(const Request& request, const torch::Tensor& rgb_T3HW) {
  const optim::Autocast own_types(device_, torch::kFloat32);  // whatever the caller trains in
  std::optional<TeacherTarget> target;
  if (maps_) target = store_.find(latent_key_parts(request));
  if (!target) target = sample(request, rgb_T3HW);
  if (maps_) decode(*target);
  std::vector<const torch::Tensor*> all = {&target->rgb_latent_TChw, &target->image_embeds_TD,
                                           &target->teacher_latent_TChw};
  for (const auto& [map, value] : target->features_TChw) all.push_back(&value);
  if (maps_) all.push_back(&target->disparity_THW);
  for (const torch::Tensor* tensor : all) {
    if (!tensor::all_finite(*tensor)) {
      throw NonFiniteError(concat("teacher: its answer for clip ", request.content_key,
                                  " is not finite; teacher.dtype is ", config_.dtype));
    }
  }
  return *std::move(target);
}

TeacherTarget Teacher::sample(const Request& request, const torch::Tensor& rgb_T3HW) {
  load_all();
  const auto seed = static_cast<std::uint64_t>(request.noise_seed);
  const auto dtype = tensor::parse_dtype(config_.target_dtype);
  const torch::Tensor pixel_noise =
      tensor::randn(rgb_T3HW.sizes(), derive_seed(seed, 0, "pixel_noise"));
  const std::int64_t scale = latent_scale();
  const torch::Tensor noise = tensor::randn(
      {request.frames, latent_channels(), request.height / scale, request.width / scale}, seed);

  pipeline::Conditioning conditioning;
  torch::Tensor latent;
  {
    const torch::InferenceMode inference;
    conditioning =
        pipeline::encode_video(model_.vae, model_.image_encoder, rgb_T3HW.to(device_),
                               config_.noise_aug, pixel_noise.to(device_), config_.chunk);
    const diffusion::EulerSchedule schedule(model_.scheduler);
    latent = pipeline::teacher_sample(model_.unet, schedule, config_.steps, conditioning,
                                      noise.to(device_), config_.noise_aug);
  }
  return {.rgb_latent_TChw = finish(conditioning.rgb_latent_TChw, dtype),
          .image_embeds_TD = finish(conditioning.image_embeds_TD, dtype),
          .noise_seed = request.noise_seed,
          .teacher_latent_TChw = finish(latent, dtype)};
}

void Teacher::decode(TeacherTarget& target) {
  load_vae();
  torch::Tensor disparity_THW;
  std::map<std::string, std::vector<torch::Tensor>> features;
  {
    const torch::InferenceMode inference;
    std::vector<torch::Tensor> images;
    // Each chunk is a clip of its own for the decoder, as in decode_disparity().
    for (const auto& part : target.teacher_latent_TChw.to(device_).split(config_.chunk)) {
      models::Taps taps{.only = std::set<std::string>{}};
      for (const auto& [map, pool] : *maps_) taps.only->insert(map);
      images.push_back(pipeline::decode_video(model_.vae, part, config_.chunk, &taps));
      const std::int64_t height = images.back().size(2), width = images.back().size(3);
      for (const auto& [map, pool] : *maps_) {
        const torch::Tensor value = taps.tensors.at(map).to(torch::kFloat32);
        features[map].push_back(
            pool == 0 ? value : losses::pool_features(value, height / pool, width / pool));
      }
    }
    disparity_THW = pipeline::disparity_from_rgb(at::cat(images));
  }
  const auto dtype = tensor::parse_dtype(config_.target_dtype);
  target.disparity_THW = finish(disparity_THW, dtype);
  for (const auto& [map, parts] : features) {
    target.features_TChw[map] = finish(at::cat(parts), dtype);
  }
}

torch::Tensor Teacher::decode_disparity(const torch::Tensor& latent_TChw) {
  load_vae();
  const torch::InferenceMode inference;
  return finish(pipeline::decode_disparity(model_.vae, latent_TChw.to(device_), config_.chunk),
                torch::kFloat32);
}

void Teacher::load_vae() {
  const std::scoped_lock lock(loading_);
  if (vae_loaded()) return;
  model_.vae = pipeline::load_vae(
      folders_.vae, {.dtype = tensor::parse_dtype(config_.vae_dtype), .device = device_});
}

void Teacher::load_all() {
  load_vae();
  const std::scoped_lock lock(loading_);
  if (unet_loaded()) return;
  const pipeline::LoadTarget to{.dtype = tensor::parse_dtype(config_.dtype), .device = device_};
  model_.image_encoder = pipeline::load_image_encoder(folders_.image_encoder, to);
  auto unet = pipeline::load_unet(folders_.unet, to);
  std::map<std::string, torch::Tensor> own;
  for (const auto& [name, value] : tensor::named_parameters(*unet)) own.emplace(name, value);
  std::size_t bytes = 0;
  for (const auto& [name, value] : shared_) {
    const auto it = own.find(name);
    if (it != own.end() && share(it->second, value)) bytes += value.nbytes();
  }
  model_.unet = std::move(unet);
  log::info("train", concat("teacher loaded: ", config_.steps, " steps, ", config_.dtype, ", ",
                            bytes >> 20, " MiB of its UNet shared with the student"));
}

}  // namespace vdd::distill
