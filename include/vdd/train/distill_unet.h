// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vdd/core/error.h"
#include "vdd/train/distill_unet_config.h"
#include "vdd/train/run_setup.h"

// What the programs call; all parts of stage 1 put together.
namespace vdd::train {

/// `distill_unet`: opens the run folder and trains. A config without a teacher gets one with random
/// weights, in <run>/teacher. Returns kDone, kResumable or kInterrupted; throws as the parts do.
ExitCode distill_unet(DistillUnetConfig config, const RunOptions& options);

struct CacheBuild {
  std::int64_t computed = 0;
  std::int64_t found = 0;
  ExitCode exit = ExitCode::kDone;  ///< or why it stopped early
};

/// `vdd cache build`: the targets of samples 0 ... samples-1 (0: of as many as the run would take),
/// and those of its validation, into cache.dir. What is there already is left alone.
CacheBuild build_teacher_cache(DistillUnetConfig config, std::int64_t samples);

struct CacheComparison {
  std::int64_t compared = 0;
  std::vector<std::string> different;  ///< keys
};

/// `vdd cache verify --recompute`: computes up to `count` of the run's targets that the cache holds
/// anew, and compares to the last bit.
CacheComparison recompute_cached(DistillUnetConfig config, std::int64_t count);

}  // namespace vdd::train
