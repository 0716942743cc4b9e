// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "vdd/data/dataset.h"
#include "vdd/distill/distill_config.h"
#include "vdd/distill/teacher.h"

namespace vdd::distill {

/// The seed of a clip's noise: with `fixed_per_clip` derive_seed(seed, first 15 hexadecimal digits
/// of the content key as a number, "noise"), else derive_seed(seed, n, "noise").
std::int64_t noise_seed(bool fixed_per_clip, std::uint64_t seed, const std::string& content_key,
                        std::int64_t n);

/// Puts the question of a run's n-th sample to its teacher, and gives the answer.
class ClipTargets {
 public:
  enum class Use { kTraining, kValidation };

  /// `training` is for clips that come without pixels and turn out to need them.
  ClipTargets(const DistillConfig& config, std::shared_ptr<Teacher> teacher,
              std::shared_ptr<data::ClipDataset> training);

  Teacher::Request request(const std::string& content_key, std::int64_t n,
                           Use use = Use::kTraining) const;
  /// Tells whether the answer for a training clip is missing in the cache. For any thread.
  bool wants_pixels(const data::ClipPlan& plan) const;
  /// Names the answer for a training clip.
  std::string key(const std::string& content_key, std::int64_t n) const {
    return cache_key(teacher_->key_parts(request(content_key, n)));
  }
  /// Returns the answer, from any thread. Throws DataError, NonFiniteError, ResourceError.
  TeacherTarget get(const data::Clip& clip, std::int64_t n, Use use = Use::kTraining);

  Teacher& teacher() { return *teacher_; }
  const Teacher& teacher() const { return *teacher_; }
  /// Counts the samples that have different answers in a run of this config.
  std::int64_t distinct_samples() const;
  /// Estimates what the cache will take that it does not hold yet; 0 without a cache.
  std::int64_t cache_bytes_ahead() const;
  /// Tells the cache what it will hold, and what belongs to the checkpoints below `run`.
  void reserve_disk(std::int64_t reserved, const std::filesystem::path& run);

 private:
  std::shared_ptr<Teacher> teacher_;
  std::shared_ptr<data::ClipDataset> training_;
  data::DataConfig data_;
  train::TrainConfig train_;
  std::uint64_t validation_seed_;
  bool fixed_;  ///< the noise belongs to the clip, not to the sample
};

}  // namespace vdd::distill
