// SPDX-License-Identifier: Apache-2.0
#include "vdd/distill/distill_config.h"

namespace vdd::distill {

std::vector<std::string> DistillConfig::check() const {
  std::vector<std::string> errors = train::TrainingConfig::check();
  if (!model.teacher_unet.empty() && model.teacher.empty()) {
    errors.emplace_back("model.teacher_unet: needs model.teacher, which gives the other parts");
  }
  if (model.teacher.empty() && model.random.vae.scale() > 64) {
    errors.emplace_back("model.random.vae.block_out_channels: at most 7 levels");
  }
  if (teacher.dtype == "fp16" && train.device == "cpu") {
    errors.emplace_back("teacher.dtype: fp16 runs on cuda only");
  }
  if (student.forward == StudentForward::kMultiStep &&
      student.input != pipeline::SamplerInput::kNoise) {
    errors.emplace_back("student.forward: multi_step needs student.input noise");
  }
  return errors;
}

}  // namespace vdd::distill
