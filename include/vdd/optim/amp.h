// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>

#include "vdd/core/field_checks.h"

// Mixed precision: parameters, gradients and optimizer in float32, convolutions and products in
// bf16 or fp16.
namespace vdd::optim {

struct PrecisionConfig {
  std::string compute = "fp32";
  double initial_scale = 65536;
  double growth_factor = 2;
  double backoff_factor = 0.5;
  std::int64_t growth_interval = 2000;

  constexpr void fields(auto& f) {
    f("compute", compute, "dtype of convolutions and matrix products; weights stay float32",
      one_of("fp32", "bf16", "fp16"));
    f("initial_scale", initial_scale, "fp16: initial scale of the loss", positive);
    f("growth_factor", growth_factor,
      "fp16: factor of the scale after growth_interval updates without overflow", at_least(1));
    f("backoff_factor", backoff_factor, "fp16: factor of the scale after an overflow",
      Range{.min = 0, .max = 1, .open_min = true, .open_max = true});
    f("growth_interval", growth_interval,
      "fp16: updates in a row without overflow before the scale grows", at_least(1));
  }
};

/// Autocast on `device` for the life of the object; with float32 it is off, also inside another
/// one. The cast weights are kept until the outermost object ends, so use one per forward pass,
/// never across an optimizer update.
class Autocast {
 public:
  Autocast(torch::Device device, torch::Dtype dtype);
  ~Autocast();
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  torch::DeviceType device_;
  bool enabled_before_;
  torch::Dtype dtype_before_;
};

/// Keeps small fp16 gradients from becoming zero: losses are multiplied by scale(), gradients
/// divided by it. The rules of torch.amp.GradScaler. Without fp16 the scale is 1 and stays there.
class LossScaler {
 public:
  struct State {
    double scale = 1;
    std::int64_t good_updates = 0;  ///< in a row, since the scale last changed
  };

  explicit LossScaler(const PrecisionConfig& config);

  bool enabled() const { return enabled_; }
  double scale() const { return state_.scale; }
  /// After each update, done or skipped. Throws NonFiniteError once the scale is so small that the
  /// cause must be another.
  void update(bool overflow);

  const State& state() const { return state_; }
  void load_state(const State& state) { state_ = state; }

 private:
  bool enabled_;
  double growth_factor_, backoff_factor_;
  std::int64_t growth_interval_;
  State state_;
};

}  // namespace vdd::optim
