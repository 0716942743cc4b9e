// SPDX-License-Identifier: Apache-2.0
#include "clip_job.h"

#include <ATen/Functions.h>

#include <algorithm>
#include <limits>

#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::data {
namespace {

constexpr std::int64_t kMaxAttempts = 1000;

float* floats(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.data_ptr<float>() : nullptr;
}
bool* bools(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.data_ptr<bool>() : nullptr;
}
double* doubles(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.data_ptr<double>() : nullptr;
}

}  // namespace

at::Tensor BufferPool::take(at::IntArrayRef shape, std::int64_t room) {
  std::size_t size = 1;
  for (const auto side : shape) size *= static_cast<std::size_t>(side);
  size = std::max(size, static_cast<std::size_t>(room));
  std::unique_ptr<float[]> memory;
  {
    const std::lock_guard lock(mutex_);
    const auto fits =
        std::find_if(free_.begin(), free_.end(), [&](const auto& f) { return f.first == size; });
    if (fits != free_.end()) {
      memory = std::move(fits->second);
      free_.erase(fits);
    }
  }
  if (!memory) memory = std::make_unique_for_overwrite<float[]>(size);
  float* data = memory.release();
  const auto give_back = [pool = shared_from_this(), size](void* p) {
    std::unique_ptr<float[]> mine(static_cast<float*>(p));
    const std::lock_guard lock(pool->mutex_);
    // The bound keeps buffers of sizes that are not asked for any more from piling up.
    if (pool->free_.size() < 32) pool->free_.emplace_back(size, std::move(mine));
  };
  return at::from_blob(data, shape, give_back, at::TensorOptions().dtype(at::kFloat));
}

ClipJob::ClipJob(ClipRecipe recipe, ThreadPool& pool, std::shared_ptr<BufferPool> buffers)
    : recipe_(std::move(recipe)), pool_(pool), memory_(std::move(buffers)) {}

std::future<ClipResult> ClipJob::start() {
  auto result = done_.get_future();
  pool_.submit([self = shared_from_this()] { self->attempt(); });
  return result;
}

void ClipJob::attempt() {
  try {
    plan_ = recipe_.plan(attempt_);
    result_.clip = {};
    result_.clip.source_id = plan_.source_id;
    result_.clip.content_key = plan_.content_key;
    result_.clip.sample = plan_.sample;
    result_.clip.frames = plan_.frames;
    result_.clip.flipped = plan_.flipped;
    result_.clip.bad_samples = attempt_;
    if (recipe_.wants_pixels && !recipe_.wants_pixels(plan_))
      return done_.set_value(std::move(result_));
    allocate();
    const auto& source = recipe_.source(plan_);
    groups_ = source.read(plan_, out_);
    groups_.back().finish = [this] { end_reading(); };
    if (out_.depth != nullptr) {
      groups_.push_back(
          {plan_.frames, [this](std::int64_t i) { measure(i); }, [this] { choose_range(); }});
      groups_.push_back({plan_.frames, [this](std::int64_t i) { normalise(i); }});
    }
    group_ = 0;
    error_ = nullptr;
  } catch (...) {
    return fail(std::current_exception());
  }
  begin_group();
}

void ClipJob::allocate() {
  const auto& config = *recipe_.config;
  const std::int64_t t = plan_.frames, h = config.height, w = config.width;
  const std::int64_t room = config.frames * h * w;  // clips of drawn lengths share their memory
  const auto& source = recipe_.source(plan_);
  Clip& clip = result_.clip;
  clip.rgb_TCHW = memory_->take({t, 3, h, w}, 3 * room);
  if (!config.rgb_only && source.has_depth()) {
    clip.depth_THW = memory_->take({t, h, w}, room);
    clip.disparity_THW = memory_->take({t, h, w}, room);
    clip.valid_THW = at::empty({t, h, w}, at::kBool);
    clip.sky_THW = at::empty({t, h, w}, at::kBool);
    ranges_.assign(static_cast<std::size_t>(t), {});
  }
  if (config.poses && source.has_poses()) {
    clip.intrinsics_T33 = at::empty({t, 3, 3}, at::kDouble);
    clip.poses_T44 = at::empty({t, 4, 4}, at::kDouble);
  }
  sizes_.assign(static_cast<std::size_t>(2 * t), 0);
  out_ = {.frames = t,
          .height = h,
          .width = w,
          .rgb = floats(clip.rgb_TCHW),
          .depth = floats(clip.depth_THW),
          .valid = bools(clip.valid_THW),
          .sky = bools(clip.sky_THW),
          .intrinsics = doubles(clip.intrinsics_T33),
          .poses = doubles(clip.poses_T44),
          .stored_size = sizes_.data()};
}

void ClipJob::begin_group() {
  const std::int64_t tasks = groups_[group_].tasks;
  left_ = tasks;
  for (std::int64_t i = 0; i < tasks; ++i) {
    pool_.submit([self = shared_from_this(), i] { self->run_task(i); });
  }
}

void ClipJob::run_task(std::int64_t i) {
  try {
    groups_[group_].run(i);
  } catch (...) {
    // All tasks run, and the first frame's error is the one told: the message does not depend on
    // which was faster.
    const std::lock_guard lock(error_mutex_);
    if (!error_ || i < error_task_) error_ = std::current_exception(), error_task_ = i;
  }
  if (--left_ == 0) end_group();
}

void ClipJob::end_group() {
  if (error_) return fail(std::exchange(error_, nullptr));
  try {
    if (groups_[group_].finish) groups_[group_].finish();
  } catch (...) {
    return fail(std::current_exception());
  }
  if (++group_ < groups_.size()) return begin_group();
  groups_.clear();
  done_.set_value(std::move(result_));
}

void ClipJob::fail(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const DataError& e) {
    // Only unusable data can be passed over; another draw would not help against other errors.
    if (recipe_.skip_bad && attempt_ < kMaxAttempts) {
      result_.bad.push_back({plan_.source_id, e.what()});
      ++attempt_;
      pool_.submit([self = shared_from_this()] { self->attempt(); });
      return;
    }
  } catch (...) {
  }
  groups_.clear();
  done_.set_exception(error);
}

void ClipJob::end_reading() const {
  for (std::int64_t i = 1; i < plan_.frames; ++i) {
    const auto k = static_cast<std::size_t>(2 * i);
    if (sizes_[k] == sizes_[0] && sizes_[k + 1] == sizes_[1]) continue;
    throw DataError(plan_.source_id, concat("frame ", frame_number(plan_, i)),
                    concat("is ", sizes_[k + 1], 'x', sizes_[k], "; the clip's first is ",
                           sizes_[1], 'x', sizes_[0]));
  }
}

void ClipJob::measure(std::int64_t frame) {
  const float* depth = out_.depth + frame * out_.pixels();
  const bool* valid = out_.valid + frame * out_.pixels();
  float nearest = std::numeric_limits<float>::infinity(), farthest = 0;
  std::int64_t count = 0;
  for (std::int64_t i = 0; i < out_.pixels(); ++i) {
    nearest = std::min(nearest, valid[i] ? depth[i] : nearest);
    farthest = std::max(farthest, valid[i] ? depth[i] : farthest);
    count += valid[i];
  }
  if (count == 0) {
    throw DataError(plan_.source_id, concat("frame ", frame_number(plan_, frame)),
                    "no valid depth in the picture");
  }
  ranges_[static_cast<std::size_t>(frame)] = {1 / farthest, 1 / nearest, count};
}

void ClipJob::choose_range() {
  range_ = ranges_[0];
  for (std::size_t i = 1; i < ranges_.size(); ++i) {
    range_.low = std::min(range_.low, ranges_[i].low);
    range_.high = std::max(range_.high, ranges_[i].high);
    range_.valid += ranges_[i].valid;
  }
  if (recipe_.config->disparity_range == DisparityRange::kQuantile) {
    std::vector<float> all;
    all.reserve(static_cast<std::size_t>(range_.valid));
    for (std::int64_t i = 0; i < plan_.frames * out_.pixels(); ++i) {
      if (out_.valid[i]) all.push_back(1 / out_.depth[i]);
    }
    const auto at = [&](double q) {
      const auto place =
          all.begin() + static_cast<std::ptrdiff_t>(q * static_cast<double>(all.size() - 1));
      std::nth_element(all.begin(), place, all.end());
      return *place;
    };
    range_.low = at(0.02);
    range_.high = at(0.98);
  }
  if (range_.high - range_.low < 1e-6f)
    throw DataError(plan_.source_id, "all depth of the clip is the same");
  if (range_.valid * 100 < plan_.frames * out_.pixels()) {
    throw DataError(plan_.source_id, "less than 1 % of the clip's depth is valid");
  }
}

void ClipJob::normalise(std::int64_t frame) const {
  const std::int64_t at = frame * out_.pixels();
  const float *depth = out_.depth + at, low = range_.low, gain = 1 / (range_.high - range_.low);
  const bool* valid = out_.valid + at;
  float* disparity = result_.clip.disparity_THW.data_ptr<float>() + at;
  for (std::int64_t i = 0; i < out_.pixels(); ++i) {
    const float value = std::clamp((1 / depth[i] - low) * gain, 0.0f, 1.0f);
    disparity[i] = valid[i] ? value : 0;
  }
}

}  // namespace vdd::data
