// SPDX-License-Identifier: Apache-2.0
#include "vdd/optim/lr_schedule.h"

#include <cmath>
#include <numbers>

#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::optim {

double lr_factor(const LrScheduleConfig& config, std::int64_t update, std::int64_t run_updates) {
  const std::int64_t length = config.length > 0 ? config.length : run_updates;
  const bool decays = config.shape != LrShape::kConstant;
  if (decays && length <= config.warmup) {
    throw ConfigError(concat("lr_schedule.length: the ", to_name(config.shape),
                             " decay ends after ", length, " updates, within the warm-up of ",
                             config.warmup));
  }

  if (update < config.warmup)
    return static_cast<double>(update) / static_cast<double>(config.warmup);
  if (!decays) return 1;
  if (update >= length) return config.final_factor;

  const double progress =
      static_cast<double>(update - config.warmup) / static_cast<double>(length - config.warmup);
  if (config.shape == LrShape::kExponential) return std::pow(config.final_factor, progress);
  const double fall = (1 + std::cos(std::numbers::pi * progress)) / 2;
  return config.final_factor + (1 - config.final_factor) * fall;
}

}  // namespace vdd::optim
