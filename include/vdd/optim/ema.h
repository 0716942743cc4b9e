// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "vdd/core/field_checks.h"
#include "vdd/tensor/state_dict.h"

namespace vdd::optim {

struct EmaConfig {
  bool enabled = false;
  double decay = 0.9999;

  constexpr void fields(auto& f) {
    f("enabled", enabled,
      "keep an exponential moving average of the trained weights; validation and export use it");
    f("decay", decay, "decay per optimizer update; lower during the first updates",
      Range{.min = 0, .max = 1, .open_max = true});
  }
};

/// Moving average of parameters: average = d * average + (1 - d) * parameter after the n-th update,
/// with d = min(decay, n / (9 + n)) and 0 at the first: the rule of diffusers' EMAModel (without
/// its "warmup" option).
class Ema {
 public:
  /// Starts as a copy of the parameters, which outlive this object.
  Ema(tensor::NamedTensors parameters, const EmaConfig& config);

  /// Call once after each optimizer update.
  void update();
  std::int64_t updates() const { return updates_; }

  /// The averages by parameter name; the live tensors. Save updates() beside them.
  tensor::NamedTensors state() const;
  /// Every missing, unexpected or misshaped tensor is named in one DataError, before anything
  /// changes.
  void load_state(const tensor::TensorSource& source, std::int64_t updates);

  /// Exchanges averages and parameters; a second call undoes it. Takes no memory, so that it cannot
  /// fail half way.
  void swap();

 private:
  tensor::NamedTensors parameters_;
  std::vector<torch::Tensor> averages_;
  torch::Tensor spare_;  ///< bytes of the largest of them
  double decay_;
  std::int64_t updates_ = 0;
};

/// The parameters are the averages for the life of the object. Does nothing if `ema` is null.
class EmaWeights {
 public:
  explicit EmaWeights(Ema* ema) : ema_(ema) {
    if (ema_ != nullptr) ema_->swap();
  }
  ~EmaWeights() {
    if (ema_ != nullptr) ema_->swap();
  }
  EmaWeights(const EmaWeights&) = delete;
  EmaWeights& operator=(const EmaWeights&) = delete;

 private:
  Ema* ema_;
};

}  // namespace vdd::optim
