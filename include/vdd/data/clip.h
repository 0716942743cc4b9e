// SPDX-License-Identifier: Apache-2.0
// Legend: T frames, C channels (RGB), H W pixels.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

namespace vdd::data {

/// Everything that was drawn for one sample, before any picture is read.
struct ClipPlan {
  std::int64_t sample = 0;  ///< its number: n, or n modulo data.clips
  /// Counts up from 0 when data.on_bad_sample is `skip` and earlier draws were unusable.
  std::int64_t attempt = 0;
  std::size_t source = 0, run = 0;
  /// Frame numbers first, first + stride, ... as on disk.
  std::int64_t first = 0, stride = 1, frames = 0;
  bool reversed = false, flipped = false;
  double crop_x = 0.5, crop_y = 0.5;  ///< where the cut lies in its free room, 0..1
  /// For people and logs: "vkitti2/Scene02/clone/Camera_0#00012+8x1", then "r" if reversed and "f"
  /// if mirrored.
  std::string source_id;
  /// SHA-256 of all that fixes what is read: the plan, the size, the names, byte sizes and ends of
  /// the files, RGB and, but for data.rgb_only, depth. A copied or enlarged data set keeps its
  /// keys.
  std::string content_key;
};

/// One sample. Tensors are contiguous, on the CPU; those that were not asked for or do not exist
/// are undefined.
struct Clip {
  at::Tensor rgb_TCHW;   ///< float32 in [-1, 1]
  at::Tensor depth_THW;  ///< float32 planar depth in metres; 0 where neither valid nor sky
  /// float32: 1/depth, brought to [0, 1] over the whole clip; 0 in the sky and where invalid.
  at::Tensor disparity_THW;
  at::Tensor valid_THW;  ///< bool: depth was measured and is no sky
  at::Tensor sky_THW;    ///< bool
  /// float64: pixel (centres on integers) ~ K X; full 3x3 for tilted lenses.
  at::Tensor intrinsics_T33;
  /// float64 camera-to-world, metres; camera axes x right, y down, z forward.
  at::Tensor poses_T44;
  std::string source_id, content_key;  ///< as in ClipPlan
  std::int64_t sample = 0, frames = 0;
  bool flipped = false;
  std::int64_t bad_samples = 0;  ///< unusable draws that came before this one
};

}  // namespace vdd::data
