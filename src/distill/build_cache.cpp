// SPDX-License-Identifier: Apache-2.0
#include "vdd/distill/build_cache.h"

#include <memory>

#include "vdd/config/writer.h"
#include "vdd/core/hash.h"
#include "vdd/core/progress.h"
#include "vdd/core/stop.h"
#include "vdd/core/text.h"
#include "vdd/data/loader.h"
#include "vdd/train/start.h"

namespace vdd::distill {
namespace fs = std::filesystem;
namespace {

void require_cache_dir(const DistillConfig& config) {
  if (config.cache.dir.empty()) throw ConfigError("cache.dir: must name the folder of the cache");
}

/// Names the folder of the teacher of a config that names none, for all runs that share the cache.
fs::path shared_teacher(const DistillConfig& config) {
  const std::string hash = sha256_hex(config::to_yaml(config.model.random));
  return fs::path(config.cache.dir) / concat("random-teacher-", hash.substr(0, 12));
}

}  // namespace

CacheBuild build_teacher_cache(Distillation& distillation, std::int64_t samples, Shard shard) {
  const DistillConfig& config = distillation.config();
  require_cache_dir(config);
  const auto [device, clips] = train::prepare(distillation);
  const auto teacher =
      distillation.make_teacher(distillation.teacher_folder(shared_teacher(config)),
                                config.cache.dir, device, CacheUse::kRequired);
  ClipTargets targets(config, teacher, clips);
  const train::ValidationData validation =
      train::validation_data(config.validation, config.data, config.train.seed);

  if (samples == 0) samples = targets.distinct_samples();
  teacher->store().reserve_disk(targets.forecast(samples, validation, shard), 0, config.cache.dir);
  const std::int64_t own = shard.size(samples);
  const std::int64_t extra = validation.dataset ? shard.size(config.validation.clips) : 0;
  Progress progress("cache", {.total = own + extra});
  CacheBuild result;
  std::int64_t done = 0;
  const auto add = [&](const data::Clip& clip, std::int64_t n, ClipTargets::Use use) {
    targets.get(clip, n, use);  // reads what is there: an entry may be damaged
    result.computed = teacher->store().computed();
    progress.update(++done);
    result.found = done - result.computed;
    result.exit = exit_code(stop_requested());
    return result.exit == ExitCode::kDone;
  };
  data::Loader loader(
      clips, static_cast<std::uint64_t>(config.train.seed), shard.index,
      static_cast<int>(config.data.workers), static_cast<int>(config.data.prefetch),
      [&](const data::ClipPlan& plan) { return targets.wants_pixels(plan); }, shard.count);
  for (std::int64_t i = 0; i < own; ++i) {
    if (!add(loader.next(), shard.sample(i), ClipTargets::Use::kTraining)) return result;
  }
  for (std::int64_t i = 0; i < extra; ++i) {
    const data::Clip clip = validation.dataset->load(validation.seed, shard.sample(i));
    if (!add(clip, shard.sample(i), ClipTargets::Use::kValidation)) return result;
  }
  return result;
}

CacheComparison recompute_cached(Distillation& distillation, std::int64_t count) {
  const DistillConfig& config = distillation.config();
  require_cache_dir(config);
  const auto [device, clips] = train::prepare(distillation);
  const fs::path folder = distillation.teacher_folder(shared_teacher(config));
  const auto cached = distillation.make_teacher(folder, config.cache.dir, device);
  const auto fresh = distillation.make_teacher(folder, "", device);
  const ClipTargets targets(config, cached, clips);
  const auto seed = static_cast<std::uint64_t>(config.train.seed);

  CacheComparison result;
  for (std::int64_t n = 0; n < targets.distinct_samples() && result.compared < count; ++n) {
    if (stop_requested() != StopReason::kNone) break;
    const data::ClipPlan plan = clips->plan(seed, n);
    const Teacher::Request request = targets.request(plan.content_key, plan.frames, n);
    const auto stored = cached->store().find(cached->key_parts(request));
    if (!stored) continue;
    ++result.compared;
    if (!identical(*stored, fresh->compute(request, clips->load(plan).rgb_TCHW))) {
      result.different.push_back(cache_key(cached->key_parts(request)));
    }
  }
  return result;
}

}  // namespace vdd::distill
