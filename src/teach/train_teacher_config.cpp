// SPDX-License-Identifier: Apache-2.0
#include "vdd/teach/train_teacher_config.h"

#include <algorithm>

namespace vdd::teach {

std::vector<std::string> TrainTeacherConfig::check() const {
  std::vector<std::string> errors = train::TrainingConfig::check();
  if (model.init.empty() == model.vae.empty()) {
    errors.emplace_back("model.init, model.vae: exactly one of them must be given");
  }
  if (!model.unet.empty() && model.init.empty()) {
    errors.emplace_back("model.unet: needs model.init, which gives the other parts");
  }
  if (batch > 1 && data.least_frames() < data.frames) {
    errors.emplace_back("batch: must be 1 if data.frames_min lets the clips differ in length");
  }
  if (!latent_weights.empty() &&
      std::ranges::count(latent_weights, 0.0) == std::ssize(latent_weights)) {
    errors.emplace_back("latent_weights: at least one must be positive");
  }
  if (noise.unroll_sigma.size() == 2 && noise.unroll_sigma[0] > noise.unroll_sigma[1]) {
    errors.emplace_back("noise.unroll_sigma: the lowest level is above the highest");
  }
  return errors;
}

}  // namespace vdd::teach
