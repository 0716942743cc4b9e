// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "vdd/data/dataset.h"
#include "vdd/distill/distill_config.h"
#include "vdd/distill/teacher.h"
#include "vdd/train/validation.h"

namespace vdd::distill {

/// The seed of a clip's noise: with `fixed_per_clip` derive_seed(seed, first 15 hexadecimal digits
/// of the content key as a number, "noise"), else derive_seed(seed, n, "noise").
std::int64_t noise_seed(bool fixed_per_clip, std::uint64_t seed, const std::string& content_key,
                        std::int64_t n);

/// Samples index, index + count, index + 2 count, ...: the part of one of `count` machines.
struct Shard {
  std::int64_t index = 0;
  std::int64_t count = 1;

  std::int64_t sample(std::int64_t i) const { return index + i * count; }
  /// Counts those of the samples 0 ... samples-1 that belong to it.
  std::int64_t size(std::int64_t samples) const {
    return samples > index ? (samples - index - 1) / count + 1 : 0;
  }
};

/// Puts the question of a run's n-th sample to its teacher, and gives the answer.
class ClipTargets {
 public:
  enum class Use { kTraining, kValidation };

  /// `training` is for clips that come without pixels and turn out to need them.
  ClipTargets(const DistillConfig& config, std::shared_ptr<Teacher> teacher,
              std::shared_ptr<data::ClipDataset> training);

  /// The question for a clip of `frames` frames.
  Teacher::Request request(const std::string& content_key, std::int64_t frames, std::int64_t n,
                           Use use = Use::kTraining) const;
  /// Tells whether the answer for a training clip is missing in the cache. For any thread.
  bool wants_pixels(const data::ClipPlan& plan) const;
  /// Names the answer for a training clip.
  std::string key(const data::Clip& clip, std::int64_t n) const {
    return cache_key(teacher_->key_parts(request(clip.content_key, clip.frames, n)));
  }
  /// Says whether a run asks for the answers for its training clips more than once. Only then an
  /// optional cache gets those that it does not hold; it gets those for validation clips always.
  bool repeats() const { return fixed_ && data_.clips > 0; }
  /// Returns the answer, from any thread. Throws DataError, NonFiniteError, ResourceError.
  TeacherTarget get(const data::Clip& clip, std::int64_t n, Use use = Use::kTraining);

  Teacher& teacher() { return *teacher_; }
  const Teacher& teacher() const { return *teacher_; }
  /// Counts the samples that have different answers in a run of this config.
  std::int64_t distinct_samples() const;
  /// Estimates what the cache lacks of the answers for the training samples 0 ... samples-1 and for
  /// the validation, as far as they belong to the shard; nothing without a cache.
  CacheForecast forecast(std::int64_t samples, const train::ValidationData& validation,
                         Shard shard = {}) const;
  /// Tells the cache what a run will add, and what belongs to the checkpoints below `run`. Logs the
  /// forecast, and why answers for training clips are not kept if they are not.
  void reserve_disk(std::int64_t reserved, const std::filesystem::path& run,
                    const train::ValidationData& validation);

 private:
  std::shared_ptr<Teacher> teacher_;
  std::shared_ptr<data::ClipDataset> training_;
  data::DataConfig data_;
  train::TrainConfig train_;
  train::ValidationConfig validation_;
  bool fixed_;  ///< the noise belongs to the clip, not to the sample
};

}  // namespace vdd::distill
