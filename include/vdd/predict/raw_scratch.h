// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>

#include "vdd/predict/predictor.h"

namespace vdd::predict {

/// Frames of a video that wait for its range: float32 in a file without a name, which is gone as
/// soon as this is, however the program ends.
class RawScratch {
 public:
  /// Makes the file in `folder`. Throws ResourceError, also if the disk has less room than `frames`
  /// need.
  RawScratch(const std::filesystem::path& folder, std::int64_t frames, std::int64_t height,
             std::int64_t width);
  ~RawScratch();
  RawScratch(const RawScratch&) = delete;
  RawScratch& operator=(const RawScratch&) = delete;

  /// Appends frames, [T,H,W] float32 on the CPU. Throws ResourceError.
  void append(const torch::Tensor& raw_THW);
  /// Reads one frame, [1,H,W].
  torch::Tensor read(std::int64_t frame) const;
  /// Range of everything that was appended.
  const ValueRange& range() const { return range_; }
  std::int64_t frames() const { return frames_; }

 private:
  std::filesystem::path folder_;
  std::int64_t height_, width_, frames_ = 0;
  ValueRange range_;
  int descriptor_ = -1;
};

}  // namespace vdd::predict
