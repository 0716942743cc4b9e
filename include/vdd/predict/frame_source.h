// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "vdd/core/field_checks.h"
#include "vdd/predict/inputs.h"

namespace vdd::predict {

/// Which frames of a video, and how large.
struct FrameConfig {
  std::int64_t from = 0;
  std::int64_t frames = 0;
  double target_fps = 0;
  std::int64_t max_res = 1024;
  std::int64_t height = 0;
  std::int64_t width = 0;

  constexpr void fields(auto& f) {
    f("from", from, "first frame", non_negative);
    f("frames", frames, "largest number of frames; 0: all", non_negative);
    f("target_fps", target_fps,
      "frames per second, to which a faster video is thinned out; 0: no limit", non_negative);
    f("max_res", max_res, "longest side that the model sees, in pixels", positive);
    f("height", height, "height that the model sees, in pixels; 0: by max_res", non_negative,
      multiple_of(64));
    f("width", width, "width that the model sees, in pixels; 0: by max_res", non_negative,
      multiple_of(64));
  }
  std::vector<std::string> check() const;
};

struct Size {
  std::int64_t height = 0, width = 0;
  bool operator==(const Size&) const = default;
};

/// Returns the size in which the model sees a picture: both sides rounded to multiples of 64, after
/// both were shrunk alike if one would exceed max_res; at least 64. Halves round to even. Source:
/// Tencent/ DepthCrafter depthcrafter/utils.py.
Size working_size(const Size& picture, const FrameConfig& config);

/// Resizes bilinearly with antialiasing, to [1,3,height,width], 0..255.
torch::Tensor resize(const io::Image8& picture, const Size& size);

/// The chosen frames of a video, one after another, as the model takes them. Memory: one call.
class FrameSource {
 public:
  /// Throws DataError if the video ends before config.from.
  FrameSource(const Input& input, const FrameConfig& config);

  std::int64_t frames() const { return frames_; }
  Size size() const { return size_; }
  /// Rate of the chosen frames; where frames are pictures, config.target_fps or else 24.
  double frames_per_second() const { return frames_per_second_; }

  /// Returns the next frame as stored.
  io::Image8 next_picture() { return reader_.next(); }
  /// Returns the next `count` frames, [count,3,H,W] in [-1,1].
  torch::Tensor next(std::int64_t count);

 private:
  std::int64_t stride_, frames_;
  Size size_;
  double frames_per_second_;
  io::VideoReader reader_;
};

}  // namespace vdd::predict
