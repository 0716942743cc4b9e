// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "vdd/data/dataset.h"

namespace vdd::data {

/// Hands out samples first, first + step, first + 2 step, ... of a data set. The unit of the
/// workers is a frame (decode, resize, straight into its slice of the clip), so one long clip keeps
/// all of them busy; order and content do not depend on their number.
class Loader {
 public:
  /// `workers` == 0: next() reads in the calling thread. `prefetch` >= 1: clips in preparation or
  /// ready. `wants_pixels` (any thread may call it; null: always) may spare the reading of a clip
  /// whose plan is enough, for instance since its latents are cached: the clip then comes with
  /// undefined tensors.
  Loader(std::shared_ptr<ClipDataset> dataset, std::uint64_t seed, std::int64_t first, int workers,
         int prefetch, std::function<bool(const ClipPlan&)> wants_pixels = nullptr,
         std::int64_t step = 1);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// Returns the next sample. Throws DataError as ClipDataset::load does, at the sample that fails,
  /// whatever ran ahead.
  Clip next();
  /// Tells how long the last next() waited or read.
  double last_wait_seconds() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vdd::data
