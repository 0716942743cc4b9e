// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "vdd/optim/amp.h"
#include "vdd/optim/optimizer.h"
#include "vdd/tensor/state_dict.h"

namespace vdd::optim {

/// The norm of all gradients together: per tensor in its own type, then in double in the order
/// given; the same bits for the same thread count. Throws vdd::Error if a gradient is missing.
double gradient_norm(const tensor::NamedTensors& parameters);

/// Throws NonFiniteError that names the first parameter whose gradient holds a NaN or infinity, the
/// first place and how many.
void require_finite_gradients(const tensor::NamedTensors& parameters);

struct UpdateReport {
  double grad_norm = 0;   ///< of the mean gradient, before clipping
  bool skipped = false;   ///< fp16 overflow: nothing was changed but the loss scale
  double loss_scale = 1;  ///< that this window was run with
  std::int64_t samples = 0;
};

/// Turns the gradients of a window of samples into one optimizer update. The gradient is the mean
/// over the samples that were added, whatever their number, so a short last window weighs as much
/// as any. Order: mean and unscale, guard, norm, clip, update. Both objects outlive this one.
class Accumulation {
 public:
  /// clip_norm 0: not clipped.
  Accumulation(Optimizer& optimizer, LossScaler& scaler, double clip_norm);

  /// Backward pass of `loss`, the mean over `samples` samples. Throws NonFiniteError, before the
  /// pass, if it is not finite.
  void add(const torch::Tensor& loss, std::int64_t samples = 1);
  /// Does what add(loss) does in two halves, to the last bit: a backward pass, for any number of
  /// threads at once, whose gradients are then added in an order of the caller's.
  std::vector<torch::Tensor> gradients(const torch::Tensor& loss, std::int64_t samples = 1) const;
  void add(const std::vector<torch::Tensor>& gradients, std::int64_t samples = 1);
  /// Samples since the last update.
  std::int64_t samples() const { return samples_; }

  /// Applies and drops the gradients. Throws NonFiniteError naming the parameter if a gradient is
  /// not finite; parameters and optimizer are then unchanged, bit for bit. With fp16 that is a
  /// skipped update instead. Throws vdd::Error if nothing was added.
  UpdateReport update(double lr_factor);
  /// Drops what was added, for a window that is given up.
  void discard();

 private:
  torch::Tensor weighted(const torch::Tensor& loss, std::int64_t samples) const;

  Optimizer& optimizer_;
  LossScaler& scaler_;
  double clip_norm_;
  std::int64_t samples_ = 0;
};

}  // namespace vdd::optim
