// SPDX-License-Identifier: Apache-2.0
#include "vdd/distill/clip_targets.h"

#include <algorithm>
#include <cstdlib>
#include <functional>

#include "vdd/core/log.h"
#include "vdd/core/random.h"
#include "vdd/core/text.h"

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
      validation_(config.validation),
      fixed_(config.student.input == pipeline::SamplerInput::kRgbLatent ||
             config.student.noise == NoisePer::kClip) {
  teacher_->store().set_max_bytes(config.cache.max_bytes());
}

Teacher::Request ClipTargets::request(const std::string& content_key, std::int64_t frames,
                                      std::int64_t n, Use use) const {
  const auto seed =
      static_cast<std::uint64_t>(use == Use::kTraining ? train_.seed : validation_.seed);
  return {.content_key = content_key,
          .frames = frames,
          .height = data_.height,
          .width = data_.width,
          .noise_seed = noise_seed(fixed_, seed, content_key, n)};
}

bool ClipTargets::wants_pixels(const data::ClipPlan& plan) const {
  // The running number is not in the plan if a few clips are used over and over.
  if (!fixed_ && data_.clips > 0) return true;
  return !teacher_->store().contains(
      teacher_->key_parts(request(plan.content_key, plan.frames, plan.sample)));
}

TeacherTarget ClipTargets::get(const data::Clip& clip, std::int64_t n, Use use) {
  const auto pixels = [&] {
    if (clip.rgb_TCHW.defined()) return clip.rgb_TCHW;
    // It was in the cache when the loader looked, and is gone or damaged now.
    return training_->load(static_cast<std::uint64_t>(train_.seed), n).rgb_TCHW;
  };
  return teacher_->get(request(clip.content_key, clip.frames, n, use), pixels,
                       /*again=*/use == Use::kValidation || repeats());
}

std::int64_t ClipTargets::distinct_samples() const {
  std::int64_t samples = train_.max_steps * train_.accumulation;
  if (train_.max_samples > 0) samples = std::min(samples, train_.max_samples);
  return repeats() ? std::min(samples, data_.clips) : samples;
}

CacheForecast ClipTargets::forecast(std::int64_t samples, const train::ValidationData& validation,
                                    Shard shard) const {
  if (!teacher_->store().has_cache()) return {};
  const auto missing = [&](const data::ClipDataset& clips, std::uint64_t seed, std::int64_t count,
                           Use use) {
    return count_missing(shard.size(count), [&](std::int64_t i) {
      const std::int64_t n = shard.sample(i);
      const data::ClipPlan plan = clips.plan(seed, n);
      return !teacher_->store().contains(
          teacher_->key_parts(request(plan.content_key, plan.frames, n, use)));
    });
  };
  std::int64_t entries =
      missing(*training_, static_cast<std::uint64_t>(train_.seed), samples, Use::kTraining);
  if (validation.dataset) {
    entries += missing(*validation.dataset, validation.seed, validation_.clips, Use::kValidation);
  }
  return {.entries = entries,
          .bytes = entries * teacher_->target_bytes(request("", data_.frames, 0))};
}

void ClipTargets::reserve_disk(std::int64_t reserved, const std::filesystem::path& run,
                               const train::ValidationData& validation) {
  if (!teacher_->store().has_cache()) return;
  if (!repeats()) {
    log::info("cache", concat("answers of training clips are not cached: ",
                              fixed_ ? "data.clips is 0, so few would be read again"
                                     : "student.noise is per_sample, so none would be read again"));
  }
  teacher_->store().reserve_disk(forecast(repeats() ? distinct_samples() : 0, validation), reserved,
                                 run);
}

}  // namespace vdd::distill
