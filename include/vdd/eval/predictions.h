// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "vdd/eval/protocol.h"
#include "vdd/eval/sequence.h"

// Where predictions come from: a model, files of any method, or the truth itself.
namespace vdd::eval {

/// The frames of a sequence that a protocol takes, cut as it says.
struct Truth {
  at::Tensor depth_THW = {};  ///< float32 metres
  at::Tensor valid_THW = {};  ///< bool: measured, no sky, inside the score crop
  /// Places in the clip, intrinsics of the cut picture and camera-to-world poses, float64, of the N
  /// frames that have a pose. Undefined if fewer than two have one.
  at::Tensor posed_N = {}, intrinsics_N33 = {}, poses_N44 = {};
};

/// Frames of a sequence that are scored together, with the rules and the truth.
struct ScoredClip {
  const Sequence& sequence;
  const std::vector<std::size_t>& frames;
  const Protocol& protocol;
  const Truth& truth;
};

/// A model: pictures of the network's size in [-1, 1] to disparity [T,h,w].
using Estimator = std::function<at::Tensor(const at::Tensor& rgb_T3HW)>;

class Predictions {
 public:
  virtual ~Predictions() = default;
  /// Says whether the values are affine in 1/depth, as most video methods have it, or in depth.
  virtual PredictionKind kind() const = 0;
  /// Returns [T,h,w] of any size and floating type, finite. Throws DataError for files that are
  /// missing or do not fit, NonFiniteError naming file and frame.
  virtual at::Tensor predict(const ScoredClip& clip) = 0;
};

std::unique_ptr<Predictions> predictions_of(Estimator model);

/// Reads files of any method below `folder`, for a sequence named NAME (which may hold /), the
/// first there is of
///   NAME.npz, NAME.npy          [T,h,w] or [T,1,h,w] of the frames that the protocol takes, or of
///                               all of the sequence; key depth, disparity, or the only one
///   NAME.exr, NAME.png          the only frame; png: 16-bit grey over 65535
///   NAME/depth.npz, .npy        as `vdd predict` writes them
///   NAME_rgb_left.npz           as DepthCrafter writes them
///   NAME/FRAME.{npy,exr,png}    [h,w] each, all of one size
std::unique_ptr<Predictions> stored_predictions(const std::filesystem::path& folder,
                                                PredictionKind kind);

/// Passes `predictions` on and writes each to `folder`/NAME.npz, as stored_predictions() reads it.
/// Throws ResourceError besides.
std::unique_ptr<Predictions> keep_predictions(std::unique_ptr<Predictions> predictions,
                                              const std::filesystem::path& folder);

/// Predicts 1 / depth, and 0 where no depth is known.
std::unique_ptr<Predictions> truth_as_predictions();

}  // namespace vdd::eval
