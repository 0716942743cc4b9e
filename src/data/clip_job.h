// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "source.h"
#include "vdd/core/thread_pool.h"
#include "vdd/data/clip.h"

namespace vdd::data {

/// Hands out float memory for pictures and takes it back when the last tensor on it dies: fresh
/// pages cost a tenth of the reading.
class BufferPool : public std::enable_shared_from_this<BufferPool> {
 public:
  /// Memory with room for `room` floats, or for as many as `shape` has if that is more. It goes
  /// from one tensor to the next if both ask for the same room.
  at::Tensor take(at::IntArrayRef shape, std::int64_t room = 0);

 private:
  std::mutex mutex_;
  std::vector<std::pair<std::size_t, std::unique_ptr<float[]>>> free_;
};

/// An unusable draw, and why.
struct BadSample {
  std::string source_id, reason;
};

struct ClipResult {
  Clip clip;
  std::vector<BadSample> bad;
};

/// What a ClipJob needs to know.
struct ClipRecipe {
  std::function<ClipPlan(std::int64_t attempt)> plan;
  std::function<bool(const ClipPlan&)> wants_pixels;  ///< null: always
  std::function<const Source&(const ClipPlan&)> source;
  const DataConfig* config = nullptr;
  bool skip_bad = false;
};

/// Reads one clip, frame by frame, on a pool. A pool without threads reads it inside start(), by
/// the same code.
class ClipJob : public std::enable_shared_from_this<ClipJob> {
 public:
  ClipJob(ClipRecipe recipe, ThreadPool& pool, std::shared_ptr<BufferPool> buffers);
  /// Starts reading. The get() of the result throws what made the clip unusable.
  std::future<ClipResult> start();

 private:
  void attempt();
  void allocate();
  void begin_group();
  void run_task(std::int64_t i);
  void end_group();
  void end_reading() const;
  void measure(std::int64_t frame);
  void choose_range();
  void normalise(std::int64_t frame) const;
  void fail(const std::exception_ptr& error);

  const ClipRecipe recipe_;
  ThreadPool& pool_;
  const std::shared_ptr<BufferPool> memory_;
  std::promise<ClipResult> done_;
  ClipResult result_;
  std::int64_t attempt_ = 0;
  ClipPlan plan_;

  ClipBuffers out_;
  std::vector<int> sizes_;
  std::vector<TaskGroup> groups_;
  std::size_t group_ = 0;
  std::atomic<std::int64_t> left_ = 0;
  std::mutex error_mutex_;
  std::int64_t error_task_ = 0;
  std::exception_ptr error_;

  struct Range {
    float low = 0, high = 0;
    std::int64_t valid = 0;
  };
  std::vector<Range> ranges_;  // of disparity, one a frame
  Range range_;
};

}  // namespace vdd::data
