// SPDX-License-Identifier: Apache-2.0
#include "vdd/train/training_config.h"

#include "vdd/core/text.h"

namespace vdd::train {

std::vector<std::string> CacheConfig::check() const {
  if (max_size.empty() || max_bytes() > 0) return {};
  return {concat("max_size: '", escape(max_size),
                 "' is no size; write for example 500MB, 200GiB or 1.5TiB")};
}

std::int64_t CacheConfig::max_bytes() const {
  return parse_bytes(max_size).value_or(0);
}

std::vector<std::string> TrainingConfig::check() const {
  std::vector<std::string> errors;
  if (precision.compute == "fp16" && train.device == "cpu") {
    errors.emplace_back("precision.compute: fp16 runs on cuda only");
  }
  if (lr_schedule.shape != optim::LrShape::kConstant && lr_schedule.length == 0 &&
      lr_schedule.warmup >= train.max_steps) {
    errors.emplace_back("lr_schedule.warmup: must be less than train.max_steps");
  }
  return errors;
}

void resolve(TrainingConfig& config) {
  if (config.lr_schedule.shape != optim::LrShape::kConstant && config.lr_schedule.length == 0) {
    config.lr_schedule.length = config.train.max_steps;
  }
}

}  // namespace vdd::train
