// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "vdd/data/clip.h"
#include "vdd/data/config.h"
#include "vdd/data/fingerprint.h"
#include "vdd/data/split.h"

namespace vdd::data {

/// Finds the sources that data.root stands for. Throws DataError if nothing known lies there.
std::vector<SourceConfig> find_sources(const std::filesystem::path& root);

/// A mixture of clip sources, indexed once. Sample n is a pure function of (seed, n): there is no
/// iterator, no state. Validation draws the held-out sequences with no mirroring, no reversal, the
/// smallest stride, the most frames and a centred cut.
class ClipDataset {
 public:
  /// Scans the folders. Throws ConfigError if no source is named or data.check() complains,
  /// DataError for a folder that is missing or holds no sequence that is long enough. An empty
  /// validation split is no error: see empty().
  explicit ClipDataset(DataConfig config, Split split = Split::kTrain);
  ~ClipDataset();
  ClipDataset(const ClipDataset&) = delete;
  ClipDataset& operator=(const ClipDataset&) = delete;

  const DataConfig& config() const;
  bool empty() const;

  /// Describes each source in a line for the log: sequences, frames, and what was left out.
  std::vector<std::string> summary() const;
  /// Returns the fingerprint of all files that samples can come from, which changes when the data
  /// set does. The first call asks the disk for size and time of each; opens none.
  const Fingerprint& fingerprint() const;

  /// Draws sample n; reads no picture. `attempt` > 0 gives the clip that stands in for unusable
  /// ones.
  ClipPlan plan(std::uint64_t seed, std::int64_t n, std::int64_t attempt = 0) const;
  /// Returns one plan for each frame there is, centred and as stored; for checks of single frames.
  std::vector<ClipPlan> all_frames() const;
  /// Height and width of the clip's first picture as stored. Throws DataError.
  std::pair<std::int64_t, std::int64_t> stored_size(const ClipPlan& plan) const;
  /// Reads exactly this clip in the calling thread. Throws DataError naming the file.
  Clip load(const ClipPlan& plan) const;
  /// Reads sample n by the rule data.on_bad_sample, in the calling thread. Throws DataError.
  Clip load(std::uint64_t seed, std::int64_t n);

 private:
  friend class Loader;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vdd::data
