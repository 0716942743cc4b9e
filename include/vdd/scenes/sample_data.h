// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>

namespace vdd::scenes {

struct SampleDataConfig {
  std::uint64_t seed = 0;
  /// 1..200; the first half, rounded up, are streets, the others rooms.
  std::int64_t sequences = 20;
  std::int64_t frames = 32;   ///< of each sequence, 1..10000
  std::int64_t height = 128;  ///< 16..4096
  std::int64_t width = 192;
  std::int64_t threads = 0;  ///< 0: one a core; the files do not depend on it
  bool all_train = false;    ///< no room is in the split for validation or for testing
  bool overwrite = false;    ///< replace an existing folder
};

/// Renders moving scenes with exact depth and writes them as
///   <folder>/vkitti2/SceneNN/<variant>/...        outdoor, Virtual KITTI 2.0.3 layout
///                                                 (rgb, depth and text files of one tree)
///   <folder>/hypersim/evermotion_dataset/...      indoor, Hypersim layout, with
///                                                 contrib/mikeroberts3000 beside it
/// The same config gives the same bytes. The folder is complete or absent.
/// Throws ConfigError if a number is out of range or the folder exists and is not empty (without
/// `overwrite`), ResourceError if a write fails.
void write_sample_data(const std::filesystem::path& folder, const SampleDataConfig& config);

}  // namespace vdd::scenes
