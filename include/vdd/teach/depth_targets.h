// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "vdd/data/dataset.h"
#include "vdd/distill/target_store.h"
#include "vdd/pipeline/conditioning.h"
#include "vdd/pipeline/model_folder.h"
#include "vdd/teach/train_teacher_config.h"

namespace vdd::teach {

/// Disparity in [0,1] as an image for the VAE: [T,H,W] to 2d-1 on three channels, [T,3,H,W].
torch::Tensor disparity_images(const torch::Tensor& disparity_THW);

/// The depth latent z: E(2d-1 on three channels) times the VAE's scaling factor. d is the clip's
/// disparity in [0,1]; sky and invalid pixels are 0 in it, as the loader gives them.
torch::Tensor depth_latent(models::AutoencoderKLTemporalDecoder& vae,
                           const torch::Tensor& disparity_THW, std::int64_t chunk);

/// Gives what a teacher that trains is told about a clip, and what it should say, behind a cache:
/// the truth's latent has the place of a trained teacher's. Results do not depend on the cache.
class DepthTargets {
 public:
  /// Uses the VAE and the image encoder of `model`, and their hashes as far as there is a cache;
  /// `cache_dir` empty: none. `training` is for clips that come without pixels and turn out to need
  /// them.
  DepthTargets(const TrainTeacherConfig& config, const pipeline::DepthModel& model,
               std::shared_ptr<data::ClipDataset> training, const std::filesystem::path& cache_dir,
               torch::Device device);

  /// Tells whether the answer is missing in the cache. For any thread.
  bool wants_pixels(const data::ClipPlan& plan) const;
  /// The target of the n-th clip of the training. The noise on its pixels, its noise_seed, belongs
  /// to the clip. For any thread. Throws DataError if it has no depth.
  distill::TeacherTarget get(const data::Clip& clip, std::int64_t n);
  /// Encodes a clip, with pixel noise tensor::randn(derive_seed(noise_seed, 0, "pixel_noise")).
  pipeline::Conditioning condition(const data::Clip& clip, std::uint64_t noise_seed);

  /// Estimates what the cache lacks of the data.clips clips; nothing without a cache.
  distill::CacheForecast forecast() const;
  /// Tells the cache what a run will add, and what belongs to the checkpoints below `run`. Logs the
  /// forecast.
  void reserve_disk(std::int64_t reserved, const std::filesystem::path& run);
  const distill::TargetStore& store() const { return store_; }

 private:
  std::int64_t noise_seed(const std::string& content_key) const;
  distill::KeyParts key_parts(const std::string& content_key) const;
  distill::TeacherTarget compute(const data::Clip& clip);

  NoiseConfig noise_;
  std::uint64_t seed_;
  models::AutoencoderKLTemporalDecoder vae_;
  models::CLIPVisionModelWithProjection image_encoder_;
  std::shared_ptr<data::ClipDataset> training_;
  torch::Device device_;
  distill::TargetStore store_;
  distill::KeyParts fixed_parts_;
};

}  // namespace vdd::teach
