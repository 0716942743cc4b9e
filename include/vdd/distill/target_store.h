// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>

#include "vdd/distill/teacher_cache.h"

namespace vdd::distill {

/// Targets by the parts of their key, from a cache if there is one, else computed. An entry that is
/// damaged is a warning, and computed anew. For any thread.
class TargetStore {
 public:
  /// `dir` empty: no cache.
  TargetStore(const std::filesystem::path& dir, CacheUse use);

  bool has_cache() const { return cache_.has_value(); }
  /// Says whether the cache has an entry, sound or not.
  bool contains(const KeyParts& parts) const;
  /// Returns nothing if there is no cache or no sound entry.
  std::optional<TeacherTarget> find(const KeyParts& parts) const;
  /// Returns what `compute` gave, now or at any time before. A target that several threads ask for
  /// is computed once, and kept if it will be read `again`, or in any case if filling the cache is
  /// the task.
  TeacherTarget get(const KeyParts& parts, const std::function<TeacherTarget()>& compute,
                    bool again = true);
  /// Targets that get() has computed so far.
  std::int64_t computed() const { return computed_; }

  /// Entries that could not be written so far.
  std::int64_t unwritten() const { return cache_ ? cache_->unwritten() : 0; }

  /// Sets the largest size of the cache's folder; 0: none.
  void set_max_bytes(std::int64_t bytes) {
    if (cache_) cache_->set_max_bytes(bytes);
  }
  /// Tells the cache, before it is filled, what is to come, and of `reserved` bytes below `run`
  /// that are the checkpoints'. Logs the forecast, and warns if it will not fit.
  void reserve_disk(const CacheForecast& ahead, std::int64_t reserved,
                    const std::filesystem::path& run);
  /// Warns of the entries that could not be written, if there were any.
  void log_unwritten() const;

 private:
  std::optional<TeacherCache> cache_;
  std::array<std::mutex, 16> locks_;  ///< of targets, by the hash of their key
  std::atomic<std::int64_t> computed_ = 0;
};

}  // namespace vdd::distill
