// SPDX-License-Identifier: Apache-2.0
#include "vdd/teach/train_vae_config.h"

#include <algorithm>

#include "vdd/core/text.h"

namespace vdd::teach {

std::vector<std::string> TrainVaeConfig::check() const {
  std::vector<std::string> errors = train::TrainingConfig::check();
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
  return errors;
}

}  // namespace vdd::teach
