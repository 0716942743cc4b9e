// SPDX-License-Identifier: Apache-2.0
#include "vdd/distill/teacher_cache.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <map>

#include "vdd/core/error.h"
#include "vdd/core/file_lock.h"
#include "vdd/core/folders.h"
#include "vdd/core/hash.h"
#include "vdd/core/log.h"
#include "vdd/core/system.h"
#include "vdd/core/text.h"
#include "vdd/io/safetensors.h"
#include "vdd/tensor/state_dict.h"

namespace vdd::distill {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kSuffix = ".safetensors";
constexpr std::string_view kFeatures = "teacher_features.";
constexpr std::string_view kComputedEachTime =
    "; what does not fit is computed each time it is needed";

std::string lines(const KeyParts& parts) {
  std::string text;
  for (const auto& [name, value] : parts) text += concat(name, "=", value, "\n");
  return text;
}

tensor::NamedTensors tensors(const TeacherTarget& target) {
  tensor::NamedTensors out = {{"rgb_latent", target.rgb_latent_TChw},
                              {"image_embeds", target.image_embeds_TD},
                              {"noise_seed", torch::tensor(target.noise_seed, torch::kInt64)},
                              {"teacher_latent", target.teacher_latent_TChw}};
  if (target.disparity_THW.defined()) out.emplace_back("teacher_disparity", target.disparity_THW);
  for (const auto& [map, value] : target.features_TChw) {
    out.emplace_back(concat(kFeatures, map), value);
  }
  return out;
}

std::string value_or(const std::map<std::string, std::string>& map, const std::string& key) {
  const auto it = map.find(key);
  return it == map.end() ? "" : it->second;
}

/// Reads one entry and checks all that can be checked about it.
TeacherTarget read_entry(const fs::path& path) {
  const io::SafetensorsFile file(path);
  if (sha256_hex(value_or(file.metadata(), "parts")) != path.stem().string()) {
    throw VerificationError(
        concat(path.string(), ": the name is not the hash of the parts in its metadata"));
  }
  const auto get = [&](const std::string& name) {
    if (!file.contains(name)) throw DataError(path, name, "tensor is missing");
    return file.get(name).clone();  // the file's views end with it
  };
  TeacherTarget target{.rgb_latent_TChw = get("rgb_latent"),
                       .image_embeds_TD = get("image_embeds"),
                       .noise_seed = 0,
                       .teacher_latent_TChw = get("teacher_latent")};
  const torch::Tensor seed = get("noise_seed");
  if (seed.scalar_type() != torch::kInt64 || seed.numel() != 1) {
    throw DataError(path, "noise_seed", "not one 64-bit integer");
  }
  target.noise_seed = seed.item<std::int64_t>();
  for (const auto* latent : {&target.rgb_latent_TChw, &target.teacher_latent_TChw}) {
    if (latent->dim() != 4 || latent->scalar_type() != torch::kFloat32 ||
        latent->sizes() != target.rgb_latent_TChw.sizes()) {
      throw DataError(path, "latents", "not two float32 tensors [T,C,h,w] of one shape");
    }
  }
  if (file.contains("teacher_disparity")) target.disparity_THW = get("teacher_disparity");
  for (const tensor::TensorInfo& info : file.tensors()) {
    if (!info.name.starts_with(kFeatures)) continue;
    target.features_TChw[info.name.substr(kFeatures.size())] = get(info.name);
  }
  if (tensor::content_hash(tensors(target)) != value_or(file.metadata(), "sha256")) {
    throw VerificationError(concat(path.string(), ": content does not match its checksum"));
  }
  return target;
}

/// The subfolders of a cache that hold its entries, sorted.
std::vector<fs::path> list_groups(const fs::path& dir) {
  std::vector<fs::path> groups;
  for (const std::string& name : list_names(dir)) {
    if (name.size() == 2 && is_folder(dir / name)) groups.push_back(dir / name);
  }
  return groups;
}

/// The entries of such a subfolder, sorted.
std::vector<fs::path> list_group(const fs::path& group) {
  std::vector<fs::path> paths;
  for (const std::string& name : list_names(group)) {
    if (name.ends_with(kSuffix) && !name.starts_with('.')) paths.push_back(group / name);
  }
  return paths;
}

/// The entries of a cache folder, sorted.
std::vector<fs::path> list_entries(const fs::path& dir) {
  if (!is_folder(dir)) throw DataError(dir, "no such folder");
  std::vector<fs::path> paths;
  for (const fs::path& group : list_groups(dir))
    std::ranges::move(list_group(group), std::back_inserter(paths));
  return paths;
}

/// Size of those files that are there.
std::int64_t total_size(const std::vector<fs::path>& files) {
  std::int64_t bytes = 0;
  for (const fs::path& file : files) {
    std::error_code error;
    const auto size = fs::file_size(file, error);
    if (!error) bytes += static_cast<std::int64_t>(size);
  }
  return bytes;
}

bool same_bytes(const torch::Tensor& a, const torch::Tensor& b) {
  return a.sizes() == b.sizes() && a.scalar_type() == b.scalar_type() &&
         std::memcmp(a.contiguous().const_data_ptr(), b.contiguous().const_data_ptr(),
                     a.nbytes()) == 0;
}

}  // namespace

std::string cache_key(const KeyParts& parts) {
  return sha256_hex(lines(parts));
}

std::string device_key(torch::Device device) {
  return device.is_cpu() ? concat("cpu, ", at::get_num_threads(), " threads") : "cuda";
}

TeacherCache::TeacherCache(fs::path dir, CacheUse use) : dir_(std::move(dir)), use_(use) {
  remove_leftovers(dir_);
  std::error_code error;
  for (fs::directory_iterator entry(dir_, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().filename().string().size() == 2) remove_leftovers(entry->path());
  }
}

fs::path TeacherCache::path(const std::string& key) const {
  return dir_ / key.substr(0, 2) / concat(key, kSuffix);
}

bool TeacherCache::contains(const std::string& key) const {
  return is_file(path(key));
}

std::optional<TeacherTarget> TeacherCache::find(const std::string& key) const {
  if (!contains(key)) return std::nullopt;
  return read_entry(path(key));
}

void TeacherCache::store(const KeyParts& parts, const TeacherTarget& target) {
  try {
    if (write(parts, target)) return;
  } catch (const Error& e) {
    if (use_ == CacheUse::kRequired) throw;
    if (unwritten_++ > 0) return;
    log::warning("cache", concat(e.what(), "; going on without this entry (said once)"));
    return;
  }
  const std::string full =
      concat(shown(dir_), ": another entry would exceed cache.max_size, ", mebibytes(max_bytes_));
  if (use_ == CacheUse::kRequired) throw ResourceError(full);
  if (!said_full_.exchange(true)) log::warning("cache", concat(full, kComputedEachTime));
}

bool TeacherCache::write(const KeyParts& parts, const TeacherTarget& target) {
  const fs::path file = path(cache_key(parts));
  const auto named = tensors(target);
  const std::int64_t bytes = tensor::total_bytes(named);
  // One that is there is damaged, and replaced.
  if (max_bytes_ > 0 && !is_file(file) && held_bytes() + bytes > max_bytes_) return false;
  make_folders(file.parent_path());
  if (reserved_ > 0 && free_disk_bytes(dir_) - bytes < reserved_) {
    throw ResourceError(concat(shown(file), ": the last ", mebibytes(reserved_),
                               " of the disk are kept for checkpoints"));
  }
  io::save_safetensors(
      file, named,
      {{"format", "pt"}, {"parts", lines(parts)}, {"sha256", tensor::content_hash(named)}});
  const std::scoped_lock lock(measuring_);
  groups_.erase(file.parent_path().string());  // its time may be too coarse to tell the change
  return true;
}

std::int64_t TeacherCache::held_bytes() {
  const std::scoped_lock lock(measuring_);
  std::int64_t bytes = 0;
  if (!is_folder(dir_)) return bytes;
  for (const fs::path& folder : list_groups(dir_)) {
    std::error_code ignored;
    const auto changed = fs::last_write_time(folder, ignored);
    Group& group = groups_[folder.string()];
    if (group.changed != changed) {
      group = {.changed = changed, .bytes = total_size(list_group(folder))};
    }
    bytes += group.bytes;
  }
  return bytes;
}

void TeacherCache::expect(const CacheForecast& ahead, std::int64_t reserved,
                          const fs::path& other) {
  reserved_ = same_file_system(dir_, other) ? reserved : 0;
  const std::int64_t free = free_disk_bytes(dir_);
  std::int64_t bytes = ahead.bytes;
  std::string limit;
  if (max_bytes_ > 0) {
    const std::int64_t room = std::max<std::int64_t>(0, max_bytes_ - held_bytes());
    bytes = std::min(bytes, room);
    limit = concat("; left of cache.max_size: ", mebibytes(room));
  }
  log::info("cache", concat(shown(dir_), ": entries to add: about ", ahead.entries, " (",
                            mebibytes(ahead.bytes), "); free disk: ", mebibytes(free), limit));
  if (free - reserved_ >= bytes) return;
  log::warning(
      "cache",
      concat(shown(dir_), ": ", mebibytes(free), " are free, the cache may take ", mebibytes(bytes),
             reserved_ > 0 ? concat(" and the checkpoints ", mebibytes(reserved_)) : "",
             use_ == CacheUse::kRequired ? "" : kComputedEachTime));
}

std::int64_t count_missing(std::int64_t targets, const std::function<bool(std::int64_t)>& missing) {
  constexpr std::int64_t kMost = 64;
  const std::int64_t looked_at = std::min(targets, kMost);
  std::int64_t found_missing = 0;
  for (std::int64_t i = 0; i < looked_at; ++i) found_missing += missing(i * targets / looked_at);
  return looked_at == 0 ? 0 : targets * found_missing / looked_at;
}

CacheReport cache_stat(const fs::path& dir) {
  const std::vector<fs::path> entries = list_entries(dir);
  return {.entries = std::ssize(entries), .bytes = total_size(entries), .problems = {}};
}

CacheReport cache_verify(const fs::path& dir,
                         const std::function<void(std::int64_t, std::int64_t)>& progress) {
  CacheReport report = cache_stat(dir);
  std::int64_t done = 0;
  for (const fs::path& path : list_entries(dir)) {
    try {
      read_entry(path);
    } catch (const Error& e) {
      report.problems.emplace_back(e.what());
    }
    if (progress) progress(++done, report.entries);
  }
  return report;
}

bool identical(const TeacherTarget& a, const TeacherTarget& b) {
  return std::ranges::equal(tensors(a), tensors(b), [](const auto& x, const auto& y) {
    return x.first == y.first && same_bytes(x.second, y.second);
  });
}

}  // namespace vdd::distill
