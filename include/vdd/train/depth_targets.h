// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "vdd/data/dataset.h"
#include "vdd/pipeline/conditioning.h"
#include "vdd/pipeline/model_folder.h"
#include "vdd/train/teacher_cache.h"
#include "vdd/train/train_teacher_config.h"

namespace vdd::train {

/// The depth latent z: E(2d-1 on three channels) times the VAE's scaling factor. d is the clip's
/// disparity in [0,1]; sky and invalid pixels are 0 in it, as the loader gives them.
torch::Tensor depth_latent(models::AutoencoderKLTemporalDecoder& vae,
                           const torch::Tensor& disparity_THW, std::int64_t chunk);

/// What a teacher that trains is told about a clip, and what it should say, behind a cache: the
/// truth's latent has the place of a trained teacher's. Results do not depend on the cache.
class DepthTargets {
 public:
  /// Uses the VAE and the image encoder of `model`, and their hashes as far as there is a cache;
  /// `cache_dir` empty: none. `training` is for clips that come without pixels and turn out to need
  /// them.
  DepthTargets(const TrainTeacherConfig& config, const pipeline::DepthModel& model,
               std::shared_ptr<data::ClipDataset> training, const std::filesystem::path& cache_dir,
               torch::Device device);

  /// False if the answer is in the cache. For any thread.
  bool wants_pixels(const data::ClipPlan& plan) const;
  /// Of the n-th clip of the training. The noise on its pixels, TeacherTarget::noise_seed, belongs
  /// to the clip. For any thread. Throws DataError if it has no depth.
  TeacherTarget get(const data::Clip& clip, std::int64_t n);
  /// With pixel noise tensor::randn(derive_seed(noise_seed, 0, "pixel_noise")).
  pipeline::Conditioning condition(const data::Clip& clip, std::uint64_t noise_seed);

  /// What the cache will take of the data.clips clips that it does not hold yet. 0 without one.
  std::int64_t cache_bytes_ahead() const;
  /// Null: none.
  TeacherCache* cache() { return cache_.get(); }

 private:
  std::int64_t noise_seed(const std::string& content_key) const;
  KeyParts key_parts(const std::string& content_key) const;
  TeacherTarget compute(const data::Clip& clip);

  NoiseConfig noise_;
  std::uint64_t seed_;
  models::AutoencoderKLTemporalDecoder vae_;
  models::CLIPVisionModelWithProjection image_encoder_;
  std::shared_ptr<data::ClipDataset> training_;
  torch::Device device_;
  std::unique_ptr<TeacherCache> cache_;
  KeyParts fixed_parts_;
};

}  // namespace vdd::train
