// SPDX-License-Identifier: Apache-2.0
#include "vdd/distill/clip_targets.h"

#include <algorithm>
#include <cstdlib>
#include <functional>

#include "vdd/core/random.h"

namespace vdd::distill {

std::int64_t noise_seed(bool fixed_per_clip, std::uint64_t seed, const std::string& content_key,
                        std::int64_t n) {
  const std::int64_t index =
      fixed_per_clip ? std::strtoll(content_key.substr(0, 15).c_str(), nullptr, 16) : n;
  return static_cast<std::int64_t>(derive_seed(seed, index, "noise"));
}

ClipTargets::ClipTargets(const DistillConfig& config, std::shared_ptr<Teacher> teacher,
                         std::shared_ptr<data::ClipDataset> training)
    : teacher_(std::move(teacher)),
      training_(std::move(training)),
      data_(config.data),
      train_(config.train),
      validation_seed_(static_cast<std::uint64_t>(config.validation.seed)),
      fixed_(config.student.input == pipeline::SamplerInput::kRgbLatent ||
             config.student.noise == NoisePer::kClip) {}

Teacher::Request ClipTargets::request(const std::string& content_key, std::int64_t n,
                                      Use use) const {
  const std::uint64_t seed =
      use == Use::kTraining ? static_cast<std::uint64_t>(train_.seed) : validation_seed_;
  return {.content_key = content_key,
          .frames = data_.frames,
          .height = data_.height,
          .width = data_.width,
          .noise_seed = noise_seed(fixed_, seed, content_key, n)};
}

bool ClipTargets::wants_pixels(const data::ClipPlan& plan) const {
  // The running number is not in the plan if a few clips are used over and over.
  if (!fixed_ && data_.clips > 0) return true;
  return !teacher_->store().contains(teacher_->key_parts(request(plan.content_key, plan.sample)));
}

TeacherTarget ClipTargets::get(const data::Clip& clip, std::int64_t n, Use use) {
  return teacher_->get(request(clip.content_key, n, use), [&] {
    if (clip.rgb_TCHW.defined()) return clip.rgb_TCHW;
    // It was in the cache when the loader looked, and is gone or damaged now.
    return training_->load(static_cast<std::uint64_t>(train_.seed), n).rgb_TCHW;
  });
}

std::int64_t ClipTargets::distinct_samples() const {
  std::int64_t samples = train_.max_steps * train_.accumulation;
  if (train_.max_samples > 0) samples = std::min(samples, train_.max_samples);
  return fixed_ && data_.clips > 0 ? std::min(samples, data_.clips) : samples;
}

std::int64_t ClipTargets::cache_bytes_ahead() const {
  if (!teacher_->store().has_cache()) return 0;
  const auto missing = [&](std::int64_t n) {
    const auto plan = training_->plan(static_cast<std::uint64_t>(train_.seed), n);
    return !teacher_->store().contains(teacher_->key_parts(request(plan.content_key, n)));
  };
  return count_missing(distinct_samples(), missing) * teacher_->target_bytes(request("", 0));
}

void ClipTargets::reserve_disk(std::int64_t reserved, const std::filesystem::path& run) {
  teacher_->store().reserve_disk(cache_bytes_ahead(), reserved, run);
}

}  // namespace vdd::distill
