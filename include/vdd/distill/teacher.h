// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "vdd/data/clip.h"
#include "vdd/distill/distill_config.h"
#include "vdd/distill/target_store.h"
#include "vdd/pipeline/model_folder.h"
#include "vdd/train/task.h"

namespace vdd::distill {

/// Maps of the VAE decoder that stage 2 compares, by module path, each with the image pixels of the
/// cells that it is averaged over (0: none).
using DecoderMaps = std::map<std::string, std::int64_t>;

/// The frozen n-step model behind its cache. Nothing is loaded before it is needed: the parts that
/// compute at the first target the cache does not have, the VAE also at the first picture. Results
/// do not depend on whether they came from the cache. For several threads at once, each with
/// another clip.
class Teacher {
 public:
  /// Finds the model and hashes its weights. `cache_dir` empty: no cache. `maps`: targets also have
  /// a disparity and these features. Throws DataError; ConfigError for a map that the decoder does
  /// not have.
  Teacher(const pipeline::ModelFolders& folders, const TeacherConfig& config,
          const std::filesystem::path& cache_dir, torch::Device device,
          std::optional<DecoderMaps> maps = {}, CacheUse use = CacheUse::kOptional);

  /// A clip as far as the cache is concerned.
  struct Request {
    std::string content_key;
    std::int64_t frames = 0, height = 0, width = 0;
    std::int64_t noise_seed = 0;
  };
  /// Everything that determines the answer; cache_key() of it names the answer.
  KeyParts key_parts(const Request& request) const;
  /// Size of the answer, and of its cache entry but for names.
  std::int64_t target_bytes(const Request& request) const;

  /// The answer, from the cache or computed, and then kept there if it will be read `again`. `rgb`
  /// gives the clip's pixels [T,3,H,W] in [-1,1], if they are needed.
  TeacherTarget get(const Request& request, const std::function<torch::Tensor()>& rgb,
                    bool again = true);
  /// Computes an answer. rgb_T3HW in [-1,1]. Noise: tensor::randn(noise_seed) for the latent,
  /// tensor::randn(derive_seed(noise_seed, 0, "pixel_noise")) for the pixels. Latents that the
  /// cache holds from stage 1 are decoded, not computed anew. Throws NonFiniteError.
  TeacherTarget compute(const Request& request, const torch::Tensor& rgb_T3HW);
  TargetStore& store() { return store_; }
  const TargetStore& store() const { return store_; }

  /// [T,h,w] scaled latent to disparity [T,H,W] in [0,1], near = 1; on the CPU.
  torch::Tensor decode_disparity(const torch::Tensor& latent_TChw);

  /// Tensors of another model. Where the teacher's UNet holds the same values in the same type, it
  /// will share their memory once it is loaded.
  void share_storage(tensor::NamedTensors tensors) { shared_ = std::move(tensors); }

  bool unet_loaded() const { return !model_.unet.is_empty(); }
  bool vae_loaded() const { return !model_.vae.is_empty(); }
  tensor::NamedTensors unet_parameters() const { return tensor::named_parameters(*model_.unet); }
  const pipeline::ModelFolders& folders() const { return folders_; }
  const diffusion::SchedulerConfig& scheduler() const { return model_.scheduler; }
  std::int64_t latent_scale() const { return vae_config_.scale(); }
  std::int64_t latent_channels() const { return vae_config_.latent_channels; }
  double scaling_factor() const { return vae_config_.scaling_factor; }
  /// The hashes of its parts, as a run that learns from it records them.
  std::vector<train::InputWeights> weights() const;
  const std::string& unet_hash() const { return model_.unet_hash; }

 private:
  KeyParts latent_key_parts(const Request& request) const;
  TeacherTarget sample(const Request& request, const torch::Tensor& rgb_T3HW);
  /// Adds disparity and features.
  void decode(TeacherTarget& target);
  void load_vae();
  void load_all();

  pipeline::ModelFolders folders_;
  TeacherConfig config_;
  TargetStore store_;
  torch::Device device_;
  std::optional<DecoderMaps> maps_;
  models::VaeConfig vae_config_;
  std::int64_t embedding_ = 0;  ///< width of an image embedding
  KeyParts fixed_parts_;
  pipeline::DepthModel model_;  ///< parts are empty until they are needed
  tensor::NamedTensors shared_;
  std::mutex loading_;
};

}  // namespace vdd::distill
