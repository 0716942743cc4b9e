// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vdd/core/error.h"
#include "vdd/distill/distillation.h"

// `vdd cache build` and `vdd cache verify --recompute`. Both throw ConfigError if cache.dir names
// no folder.
namespace vdd::distill {

struct CacheBuild {
  std::int64_t computed = 0;
  std::int64_t found = 0;
  ExitCode exit = ExitCode::kDone;  ///< or why it stopped early
};

/// Puts the targets of samples 0 ... samples-1 (0: of as many as the run would take), and those of
/// its validation, into cache.dir, as far as they belong to the shard. What is there already is
/// left alone. Throws ResourceError if there is no room, on the disk or within cache.max_size.
CacheBuild build_teacher_cache(Distillation& distillation, std::int64_t samples, Shard shard = {});

struct CacheComparison {
  std::int64_t compared = 0;
  std::vector<std::string> different;  ///< keys
};

/// Computes up to `count` of the run's targets that the cache holds anew, and compares to the last
/// bit.
CacheComparison recompute_cached(Distillation& distillation, std::int64_t count);

}  // namespace vdd::distill
