// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "vdd/core/enum_names.h"
#include "vdd/core/field_checks.h"

namespace vdd::optim {

/// The course of the learning rate after the warm-up.
enum class LrShape { kConstant, kCosine, kExponential };
constexpr auto names(LrShape) {
  return enum_names<LrShape>({{LrShape::kConstant, "constant"},
                              {LrShape::kCosine, "cosine"},
                              {LrShape::kExponential, "exponential"}});
}

struct LrScheduleConfig {
  LrShape shape = LrShape::kConstant;
  std::int64_t warmup = 100;
  std::int64_t length = 0;
  double final_factor = 0.01;

  constexpr void fields(auto& f) {
    f("shape", shape, "course of the learning rate after the warm-up");
    f("warmup", warmup, "optimizer updates of linear warm-up", non_negative);
    f("length", length, "updates until cosine and exponential reach final_factor; 0: the whole run",
      non_negative);
    f("final_factor", final_factor,
      "factor of the learning rate at the end of cosine and exponential",
      Range{.min = 0, .max = 1, .open_min = true});
  }
};

/// The factor on the peak learning rate of optimizer update `update` = 1, 2, ..., with w = warmup,
/// L = length or else `run_updates`, r = final_factor and p = (update - w) / (L - w):
///   update < w    update / w
///   constant      1
///   exponential   r^p, and r from L on
///   cosine        r + (1 - r)(1 + cos(pi p)) / 2, and r from L on
/// Source: Marigold's IterExponential for the exponential one. Throws ConfigError if a decay ends
/// before the warm-up.
double lr_factor(const LrScheduleConfig& config, std::int64_t update, std::int64_t run_updates);

}  // namespace vdd::optim
