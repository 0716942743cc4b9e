// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "clip_job.h"
#include "source.h"
#include "vdd/data/dataset.h"

namespace vdd::data {

struct ClipDataset::State {
  /// One source with what drawing from it needs.
  struct Mixed {
    struct Group {
      std::vector<std::size_t> runs;
      std::vector<std::int64_t> starts;  ///< running total of possible first frames, one a run
    };
    SourceConfig config;
    std::unique_ptr<Source> source;
    std::vector<Group> groups;
    std::int64_t stride_max = 1;
    double weight = 1;
  };

  State(DataConfig given, Split split);
  void add(const SourceConfig& chosen, bool required);
  /// Says whether a source has clips, but none with the depth that is asked for.
  bool lacks_depth(const SourceConfig& chosen) const;
  ClipRecipe recipe(std::function<ClipPlan(std::int64_t)> plan, bool skip_bad) const;
  /// Reports the unusable draws behind a clip. Throws once there were too many.
  Clip accept(ClipResult result);

  DataConfig config;
  Split split;
  std::vector<Mixed> sources;
  double total_weight = 0;
  std::shared_ptr<BufferPool> memory = std::make_shared<BufferPool>();
  std::mutex bad_mutex;
  std::set<std::string> bad;  ///< reasons, each told once
  std::once_flag fingerprint_once;
  Fingerprint fingerprint;
};

}  // namespace vdd::data
