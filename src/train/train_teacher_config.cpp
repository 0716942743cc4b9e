// SPDX-License-Identifier: Apache-2.0
#include "vdd/train/train_teacher_config.h"

#include <algorithm>

#include "free_keys.h"

namespace vdd::train {

std::vector<std::string> TrainTeacherConfig::check() const {
  std::vector<std::string> errors;
  if (model.init.empty() == model.vae.empty()) {
    errors.emplace_back("model.init, model.vae: exactly one of them must be given");
  }
  if (!model.unet.empty() && model.init.empty()) {
    errors.emplace_back("model.unet: needs model.init, which gives the other parts");
  }
  if (!latent_weights.empty() &&
      std::ranges::count(latent_weights, 0.0) == std::ssize(latent_weights)) {
    errors.emplace_back("latent_weights: at least one must be positive");
  }
  if (noise.unroll_sigma.size() == 2 && noise.unroll_sigma[0] > noise.unroll_sigma[1]) {
    errors.emplace_back("noise.unroll_sigma: the lowest level is above the highest");
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

const std::vector<std::string>& train_teacher_free_keys() {
  static const std::vector<std::string> keys = with_common_free_keys(
      {"model.init", "model.unet", "model.vae", "validation_steps*", "cache.*"});
  return keys;
}

}  // namespace vdd::train
