// SPDX-License-Identifier: Apache-2.0
#include "vdd/train/train_vae_config.h"

#include <algorithm>

#include "free_keys.h"
#include "vdd/core/text.h"

namespace vdd::train {

std::vector<std::string> TrainVaeConfig::check() const {
  std::vector<std::string> errors;
  if (model.init.empty() && model.vae.scale() > 64) {
    errors.emplace_back("model.vae.block_out_channels: at most 7 levels");
  } else if (model.init.empty() && crops.size % model.vae.scale() != 0) {
    errors.push_back(concat("crops.size: must be a multiple of the VAE's scale, ",
                            model.vae.scale(), ", got ", crops.size));
  }
  if (crops.size > std::min(data.height, data.width)) {
    errors.emplace_back("crops.size: must not exceed data.height and data.width");
  }
  if (!model.teacher.empty() && model.init.empty()) {
    errors.emplace_back("model.teacher: needs model.init, whose encoder must be the teacher's");
  }
  if (precision.compute == "fp16" && train.device == "cpu") {
    errors.emplace_back("precision.compute: fp16 runs on cuda only");
  }
  if (lr_schedule.shape != "constant" && lr_schedule.length == 0 &&
      lr_schedule.warmup >= train.max_steps) {
    errors.emplace_back("lr_schedule.warmup: must be less than train.max_steps");
  }
  return errors;
}

const std::vector<std::string>& train_vae_free_keys() {
  static const std::vector<std::string> keys =
      with_common_free_keys({"model.init", "model.teacher", "cache.*"});
  return keys;
}

}  // namespace vdd::train
