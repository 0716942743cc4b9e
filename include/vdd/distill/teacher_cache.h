// SPDX-License-Identifier: Apache-2.0
// Legend: T frames, C channels, H W image pixels, h w pixels of a latent or feature map, D
// embedding width.
#pragma once

#include <torch/types.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace vdd::distill {

/// Answer of the frozen teacher about one clip; float32, on the CPU. Stage 1 has no disparity and
/// no features.
struct TeacherTarget {
  torch::Tensor rgb_latent_TChw;      ///< mode of E(X), not multiplied by the scaling factor
  torch::Tensor image_embeds_TD;      ///< CLIP embedding of each frame
  std::int64_t noise_seed = 0;        ///< tensor::randn of the latent's shape draws the noise again
  torch::Tensor teacher_latent_TChw;  ///< after the last step; multiplied by the scaling factor
  torch::Tensor disparity_THW = {};   ///< decoded; min-max over the clip, near = 1
  std::map<std::string, torch::Tensor> features_TChw = {};  ///< pooled maps of the VAE decoder
};

/// Name and value of everything that determines a target, in a fixed order.
using KeyParts = std::vector<std::pair<std::string, std::string>>;

/// SHA-256, as 64 hexadecimal digits, of the lines "<name>=<value>\n".
std::string cache_key(const KeyParts& parts);

/// The part of a key that says where it was computed: sums on the CPU depend on the number of
/// threads in their last bits.
std::string device_key(torch::Device device);

/// Consequence of an entry that cannot be written.
enum class CacheUse {
  kOptional,  ///< a warning, said once: who asked has the target all the same
  kRequired,  ///< a ResourceError: filling the cache is the task
};

/// One safetensors file per target, <dir>/<first two digits>/<key>.safetensors, with the tensors
/// rgb_latent, image_embeds, noise_seed, teacher_latent and, where there are, teacher_disparity and
/// teacher_features.<map>; the metadata holds the key's parts and a checksum of the content. Files
/// appear complete or not at all, so any number of processes may share a cache.
class TeacherCache {
 public:
  /// Removes the half-written files of killed processes, if the folder is there.
  explicit TeacherCache(std::filesystem::path dir, CacheUse use = CacheUse::kRequired);

  const std::filesystem::path& dir() const { return dir_; }
  std::filesystem::path path(const std::string& key) const;
  bool contains(const std::string& key) const;
  /// The target, or nothing if there is none. Throws DataError or VerificationError if its file is
  /// damaged.
  std::optional<TeacherTarget> find(const std::string& key) const;
  /// Writes an entry, from any thread. Throws ResourceError if the cache is required.
  void store(const KeyParts& parts, const TeacherTarget& target);
  /// Entries that could not be written so far.
  std::int64_t unwritten() const { return unwritten_; }

  /// Tells the cache before it is filled that `bytes` are to come, and that `reserved` bytes below
  /// `other` belong to somebody else: if both lie on one file system, so much of it stays free.
  /// Warns if the cache will not fit.
  void expect(std::int64_t bytes, std::int64_t reserved, const std::filesystem::path& other);

 private:
  void write(const KeyParts& parts, const TeacherTarget& target) const;

  std::filesystem::path dir_;
  CacheUse use_;
  std::int64_t reserved_ = 0;
  std::atomic<std::int64_t> unwritten_ = 0;
};

/// About how many of the targets 0 ... targets-1 are missing: all are looked up if there are few,
/// else 64 that are evenly spread.
std::int64_t count_missing(std::int64_t targets, const std::function<bool(std::int64_t)>& missing);

struct CacheReport {
  std::int64_t entries = 0;
  std::int64_t bytes = 0;
  std::vector<std::string> problems;  ///< "<file>: <reason>", in the order of the names
};

/// Counts the entries of a cache folder. Throws DataError if it is none.
CacheReport cache_stat(const std::filesystem::path& dir);
/// Counts the entries, reads each and checks name, parts and checksum. `progress` is told the
/// number of entries looked at so far and of all.
CacheReport cache_verify(const std::filesystem::path& dir,
                         const std::function<void(std::int64_t, std::int64_t)>& progress = {});

/// Tells whether two targets are equal to the last bit.
bool identical(const TeacherTarget& a, const TeacherTarget& b);

}  // namespace vdd::distill
