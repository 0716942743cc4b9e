// SPDX-License-Identifier: Apache-2.0
#include "vdd/distill/target_store.h"

#include <string>
#include <utility>

#include "vdd/core/error.h"
#include "vdd/core/log.h"
#include "vdd/core/text.h"

namespace vdd::distill {

TargetStore::TargetStore(const std::filesystem::path& dir, CacheUse use) {
  if (!dir.empty()) cache_.emplace(dir, use);
}

bool TargetStore::contains(const KeyParts& parts) const {
  return cache_ && cache_->contains(cache_key(parts));
}

std::optional<TeacherTarget> TargetStore::find(const KeyParts& parts) const {
  if (!cache_) return std::nullopt;
  try {
    return cache_->find(cache_key(parts));
  } catch (const Error& e) {
    log::warning("cache", concat(e.what(), "; computing it anew"));
    return std::nullopt;
  }
}

TeacherTarget TargetStore::get(const KeyParts& parts, const std::function<TeacherTarget()>& compute,
                               bool again) {
  const std::size_t hash = std::hash<std::string>{}(cache_key(parts));
  const std::scoped_lock lock(locks_[hash % locks_.size()]);
  if (auto found = find(parts)) return *std::move(found);
  TeacherTarget target = compute();
  if (cache_ && (again || cache_->use() == CacheUse::kRequired)) cache_->store(parts, target);
  ++computed_;
  return target;
}

void TargetStore::reserve_disk(const CacheForecast& ahead, std::int64_t reserved,
                               const std::filesystem::path& run) {
  if (cache_) cache_->expect(ahead, reserved, run);
}

void TargetStore::log_unwritten() const {
  if (unwritten() == 0) return;
  log::warning("cache",
               concat(unwritten(), " entries could not be written to ", shown(cache_->dir())));
}

}  // namespace vdd::distill
