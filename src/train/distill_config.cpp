// SPDX-License-Identifier: Apache-2.0
#include "vdd/train/distill_config.h"

#include "free_keys.h"
#include "vdd/core/text.h"

namespace vdd::train {

std::vector<std::string> RandomTeacherConfig::check() const {
  std::vector<std::string> errors;
  if (unet.cross_attention_dim != std::vector{image_encoder.projection_dim}) {
    errors.emplace_back("unet.cross_attention_dim: must be image_encoder.projection_dim");
  }
  if (unet.in_channels != 2 * vae.latent_channels || unet.out_channels != vae.latent_channels) {
    errors.emplace_back(
        "unet.in_channels, out_channels: must be 2 and 1 times vae.latent_channels");
  }
  return errors;
}

std::vector<std::string> DistillConfig::check() const {
  std::vector<std::string> errors;
  if (!model.teacher_unet.empty() && model.teacher.empty()) {
    errors.emplace_back("model.teacher_unet: needs model.teacher, which gives the other parts");
  }
  if (model.teacher.empty() && model.random.vae.scale() > 64) {
    errors.emplace_back("model.random.vae.block_out_channels: at most 7 levels");
  }
  if (teacher.dtype == "fp16" && train.device == "cpu") {
    errors.emplace_back("teacher.dtype: fp16 runs on cuda only");
  }
  if (precision.compute == "fp16" && train.device == "cpu") {
    errors.emplace_back("precision.compute: fp16 runs on cuda only");
  }
  if (student.forward == "multi_step" && student.input != "noise") {
    errors.emplace_back("student.forward: multi_step needs student.input noise");
  }
  if (lr_schedule.shape != "constant" && lr_schedule.length == 0 &&
      lr_schedule.warmup >= train.max_steps) {
    errors.emplace_back("lr_schedule.warmup: must be less than train.max_steps");
  }
  return errors;
}

const std::vector<std::string>& distill_free_keys() {
  static const std::vector<std::string> keys = with_common_free_keys(
      {"model.teacher", "model.teacher_unet", "model.student", "cache.*", "head.init_from"});
  return keys;
}

}  // namespace vdd::train
