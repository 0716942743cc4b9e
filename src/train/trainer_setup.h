// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <utility>

#include "vdd/core/log.h"
#include "vdd/core/text.h"
#include "vdd/train/run_dir.h"
#include "vdd/train/teacher.h"
#include "vdd/train/trainer.h"

namespace vdd::train {

/// Where a run's cache lies; empty: there is none.
inline std::filesystem::path cache_folder(const CacheConfig& config, const RunDir& run) {
  if (!config.enabled) return {};
  return config.dir.empty() ? run.root() / "teacher_cache" : std::filesystem::path(config.dir);
}

/// Content hashes of the teacher's parts, as a resumed run names them.
inline std::map<std::string, std::string> teacher_hashes(const Teacher& teacher) {
  return {{"teacher UNet", teacher.unet_hash()},
          {"teacher VAE", teacher.vae_hash()},
          {"teacher image encoder", teacher.image_encoder_hash()}};
}

/// Before the first update: warns if the cache of `targets` will not fit on its disk, and keeps the
/// room of the checkpoints free.
template <typename Targets>
void prepare_cache(Targets& targets, const Trainer& trainer, const RunDir& run) {
  if (TeacherCache* cache = targets.cache()) {
    cache->expect(targets.cache_bytes_ahead(), trainer.checkpoint_bytes_ahead(), run.root());
  }
}

/// Says after the last update what the cache lacks.
inline void log_unwritten(const TeacherCache* cache) {
  if (cache == nullptr || cache->unwritten() == 0) return;
  log::warning("cache", concat(cache->unwritten(), " entries could not be written to ",
                               escape(cache->dir().string(), 1000)));
}

/// What the trainer takes from the config of any program.
template <typename Config>
TrainerConfig trainer_config(const Config& config, std::map<std::string, std::string> inputs) {
  return {.train = config.train,
          .optimizer = config.optimizer,
          .lr_schedule = config.lr_schedule,
          .precision = config.precision,
          .ema = config.ema,
          .validate_every = config.validation.every,
          .validate_at_start = config.validation.at_start,
          .inputs = std::move(inputs)};
}

}  // namespace vdd::train
