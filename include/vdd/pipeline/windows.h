// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <vector>

#include "vdd/pipeline/conditioning.h"

// Long videos in windows that overlap. Legend: T frames, ... what a window's model makes of each.
namespace vdd::pipeline {

/// Parts that a window's result is made from.
struct Window {
  std::int64_t index = 0;
  Conditioning conditioning;  ///< of its frames
  /// Result of the frames that it shares with the window before; undefined if there are none.
  torch::Tensor before_T;
};

/// Runs a model on the windows of a video that comes frame by frame: a window as soon as its frames
/// are there. Frames that two windows share are cross-faded (the first is the older window's, the
/// last the newer one's), and what no later window changes is handed on. Memory: one window,
/// whatever the length.
class WindowStream {
 public:
  /// One result per frame, [T,...] float32.
  using Model = std::function<torch::Tensor(const Window& window)>;
  using Sink = std::function<void(const torch::Tensor& result_T)>;

  /// `total`: frames of the video; up to `window` frames are one window. `sink` gets the result in
  /// order. Throws ConfigError unless 0 <= overlap < window.
  WindowStream(std::int64_t total, std::int64_t window, std::int64_t overlap, Model model,
               Sink sink);

  /// The next frames, any number of them. After the last of `total` frames the sink has all. No
  /// gradients. Throws ShapeError for more frames than that.
  void push(const Conditioning& next);

  /// Tells, for each window but the first, how much it differs from the one before on the frames
  /// they share: root mean square difference over the standard deviation there. Empty without
  /// overlap.
  const std::vector<double>& seams() const { return seams_; }

  /// Windows of a video, the last of which may be shorter.
  static std::int64_t count(std::int64_t total, std::int64_t window, std::int64_t overlap);

 private:
  void run(std::int64_t end);
  torch::Tensor cross_fade(const torch::Tensor& result_T);

  std::int64_t total_, window_, overlap_;
  Model model_;
  Sink sink_;
  Conditioning waiting_;  ///< from frame start_ on
  torch::Tensor before_T_;
  std::vector<double> seams_;
  std::int64_t start_ = 0, index_ = 0;
};

}  // namespace vdd::pipeline
