// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

#include "vdd/core/enum_names.h"
#include "vdd/core/field_checks.h"

// How well the depth of a frame agrees with that of the next, through the true camera motion.
// Legend: T frames, H W pixels. Intrinsics map camera axes (x right, y down, z forward) to pixels
// and may be any invertible 3x3 matrix with pixel ~ K X: Hypersim's tilted lenses are skewed.
namespace vdd::metrics {

/// Which of several pixels that land on one is seen there.
enum class Splat { kLast, kNear };
constexpr auto names(Splat) {
  return enum_names<Splat>({{Splat::kLast, "last"}, {Splat::kNear, "near"}});
}

struct TemporalConfig {
  Splat splat = Splat::kLast;
  double pixel_center = 0;

  constexpr void fields(auto& f) {
    f("splat", splat,
      "which of several pixels that land on one counts; last: the last in row-major order, as in "
      "the published code; near: the nearest to the camera");
    f("pixel_center", pixel_center,
      "coordinate of the first pixel's centre. 0 is right for intrinsics of integer centres; with "
      "0.5, as some published code has it, a camera that stands still has an error",
      in_range(0, 0.5));
  }
};

struct TemporalScores {
  double tae = 0;            ///< mean over the scored pairs, as a fraction
  std::int64_t pairs = 0;    ///< directed pairs of neighbours that overlap
  std::int64_t skipped = 0;  ///< directed pairs without a common pixel; not counted as 0
};

/// Shows the depth of one frame as another camera sees it: every pixel (that `mask_HW` sets) is
/// lifted by its depth, moved, and written to the nearest pixel (ties to even); 0 where nothing
/// lands. Points behind the camera or outside of the picture are dropped. `source_to_target_44`
/// maps camera axes to camera axes.
at::Tensor reproject(const at::Tensor& depth_HW, const at::Tensor& source_intrinsics_33,
                     const at::Tensor& target_intrinsics_33, const at::Tensor& source_to_target_44,
                     const TemporalConfig& config = {}, const at::Tensor& mask_HW = {});

/// Temporal alignment error: mean over neighbouring frames and both directions of |p - d| / d, with
/// p the depth carried over and d the depth in the frame it arrives in. Pixels outside of the mask
/// neither leave nor count where they are met. Poses are camera-to-world. Computed in double on the
/// CPU. Throws ShapeError for shapes that do not fit, NonFiniteError for NaN or infinity in a depth
/// that counts, a pose or intrinsics, or for intrinsics or poses without an inverse. Source: Video
/// Depth Anything benchmark/eval/eval_tae.py.
TemporalScores score_temporal(const at::Tensor& depth_THW, const at::Tensor& intrinsics_T33,
                              const at::Tensor& cam_to_world_T44, const TemporalConfig& config = {},
                              const at::Tensor& mask_THW = {});

}  // namespace vdd::metrics
