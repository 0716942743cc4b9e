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
#include <mutex>
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

/// What a cache is for, and the consequence of an entry that cannot be written.
enum class CacheUse {
  kOptional,  ///< saves time; a warning, said once: who asked has the target all the same
  kRequired,  ///< filling it is the task; a ResourceError
};

/// What a cache will get that it does not hold yet.
struct CacheForecast {
  std::int64_t entries = 0;
  std::int64_t bytes = 0;
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
  CacheUse use() const { return use_; }
  std::filesystem::path path(const std::string& key) const;
  bool contains(const std::string& key) const;
  /// The target, or nothing if there is none. Throws DataError or VerificationError if its file is
  /// damaged.
  std::optional<TeacherTarget> find(const std::string& key) const;
  /// Writes an entry, from any thread, unless it would take the folder past the largest size, which
  /// is a warning, said once. If the cache is required, throws ResourceError in that case too.
  void store(const KeyParts& parts, const TeacherTarget& target);
  /// Entries that could not be written so far; those without room in the largest size do not count.
  std::int64_t unwritten() const { return unwritten_; }

  /// Sets the largest size of all entries in the folder; 0: none. Processes that write at the same
  /// time may exceed it by the entries that they have in hand.
  void set_max_bytes(std::int64_t bytes) { max_bytes_ = bytes; }
  /// Size of all entries in the folder, whoever wrote them. Lists only what has changed since the
  /// last call. From any thread.
  std::int64_t held_bytes();

  /// Logs, before the cache is filled, what is to come and how much room there is, and warns if it
  /// will not fit the disk. `reserved` bytes below `other` belong to somebody else: if both lie on
  /// one file system, so much of it stays free.
  void expect(const CacheForecast& ahead, std::int64_t reserved,
              const std::filesystem::path& other);

 private:
  /// Entries of one subfolder, as they were when it last changed.
  struct Group {
    std::filesystem::file_time_type changed = {};
    std::int64_t bytes = 0;
  };

  /// Returns false if there is no room in the largest size.
  bool write(const KeyParts& parts, const TeacherTarget& target);

  std::filesystem::path dir_;
  CacheUse use_;
  std::int64_t max_bytes_ = 0;
  std::int64_t reserved_ = 0;
  std::atomic<std::int64_t> unwritten_ = 0;
  std::atomic<bool> said_full_ = false;
  std::mutex measuring_;
  std::map<std::string, Group> groups_;  ///< by the path of the subfolder
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
