// SPDX-License-Identifier: Apache-2.0
#include "vdd/optim/amp.h"

#include <ATen/autocast_mode.h>

#include <limits>

#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::optim {
namespace {

constexpr double kSmallestScale = 1e-6;

}  // namespace

Autocast::Autocast(torch::Device device, torch::Dtype dtype)
    : device_(device.type()),
      enabled_before_(at::autocast::is_autocast_enabled(device_)),
      dtype_before_(at::autocast::get_autocast_dtype(device_)) {
  const bool enabled = dtype != torch::kFloat32;
  at::autocast::set_autocast_enabled(device_, enabled);
  if (enabled) at::autocast::set_autocast_dtype(device_, dtype);
  at::autocast::increment_nesting();
}

Autocast::~Autocast() {
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(device_, enabled_before_);
  at::autocast::set_autocast_dtype(device_, dtype_before_);
}

LossScaler::LossScaler(const PrecisionConfig& config)
    : enabled_(config.compute == "fp16"),
      growth_factor_(config.growth_factor),
      backoff_factor_(config.backoff_factor),
      growth_interval_(config.growth_interval),
      state_{.scale = enabled_ ? config.initial_scale : 1} {}

void LossScaler::update(bool overflow) {
  if (!enabled_) return;
  if (overflow) {
    state_ = {.scale = state_.scale * backoff_factor_, .good_updates = 0};
    if (state_.scale < kSmallestScale) {
      throw NonFiniteError(concat("gradients overflow at any loss scale, down to ", state_.scale));
    }
    return;
  }
  if (++state_.good_updates < growth_interval_) return;
  const double grown = state_.scale * growth_factor_;
  state_ = {.scale = grown <= std::numeric_limits<float>::max() ? grown : state_.scale,
            .good_updates = 0};
}

}  // namespace vdd::optim
