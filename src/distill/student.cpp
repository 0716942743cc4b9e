// SPDX-License-Identifier: Apache-2.0
#include "vdd/distill/student.h"

#include <cmath>

#include "vdd/core/log.h"
#include "vdd/core/random.h"
#include "vdd/core/text.h"
#include "vdd/tensor/random.h"

namespace vdd::distill {
namespace fs = std::filesystem;
namespace {

pipeline::Conditioning conditioning_of(const TeacherTarget& target, torch::Device device) {
  return {.rgb_latent_TChw = target.rgb_latent_TChw.to(device),
          .image_embeds_TD = target.image_embeds_TD.to(device)};
}

}  // namespace

double rgb_latent_scale(const StudentConfig& config, const Teacher& teacher) {
  return config.rgb_latent_scale.value_or(teacher.scaling_factor());
}

models::UNetSpatioTemporalConditionModel load_student(const DistillConfig& config,
                                                      const Teacher& teacher,
                                                      torch::Device device) {
  fs::path start = teacher.folders().unet;
  if (!config.model.student.empty()) {
    const auto folders = pipeline::find_model(config.model.student, config.model.student);
    const pipeline::VddInfo& info = folders.info;
    const double scale = rgb_latent_scale(config.student, teacher);
    if (info.steps == 1 && info.input != config.student.input) {
      log::warning("train", concat(config.model.student, " was trained with student.input ",
                                   to_name(info.input), ", not ", to_name(config.student.input)));
    } else if (info.steps == 1 && info.input == pipeline::SamplerInput::kRgbLatent &&
               info.rgb_latent_scale != scale) {
      log::warning("train", concat(config.model.student, " was trained with rgb_latent_scale ",
                                   info.rgb_latent_scale, ", not ", scale));
    }
    start = folders.unet;
  }
  auto unet = pipeline::load_unet(start, {.dtype = torch::kFloat32, .device = device});
  unet->gradient_checkpointing = config.train.gradient_checkpointing;
  return unet;
}

StudentInput student_input(const StudentConfig& config, const Teacher& teacher,
                           const TeacherTarget& target, torch::Device device) {
  StudentInput input{
      .conditioning = conditioning_of(target, device), .x_TChw = {}, .sigma = config.sigma};
  const torch::Tensor start_TChw =
      config.input == pipeline::SamplerInput::kRgbLatent
          ? input.conditioning.rgb_latent_TChw * rgb_latent_scale(config, teacher)
          : tensor::randn(target.rgb_latent_TChw.sizes(),
                          static_cast<std::uint64_t>(target.noise_seed))
                .to(device);
  input.x_TChw = start_TChw * std::sqrt(config.sigma * config.sigma + 1);
  return input;
}

StudentInput noised_target(const DistillConfig& config, const Teacher& teacher,
                           const TeacherTarget& target, std::int64_t n, torch::Device device) {
  const auto seed = static_cast<std::uint64_t>(config.train.seed);
  const std::int64_t steps = config.teacher.steps;
  const std::int64_t level = Random(derive_seed(seed, n, "level")).below(steps);
  const double sigma =
      diffusion::EulerSchedule(teacher.scheduler()).sigmas(steps)[level].item<float>();
  const torch::Tensor noise_TChw =
      tensor::randn(target.teacher_latent_TChw.sizes(), derive_seed(seed, n, "level_noise"));
  return {.conditioning = conditioning_of(target, device),
          .x_TChw = (target.teacher_latent_TChw + sigma * noise_TChw).to(device),
          .sigma = sigma};
}

pipeline::DepthModel student_model(const DistillConfig& config, const DistillerParts& parts,
                                   const fs::path& checkpoint, std::int64_t step) {
  const Teacher& teacher = parts.targets->teacher();
  pipeline::DepthModel model;
  model.scheduler = teacher.scheduler();
  model.info = {.input = config.student.input,
                .rgb_latent_scale = rgb_latent_scale(config.student, teacher),
                .steps = 1,
                .noise_aug = config.teacher.noise_aug,
                .base = pipeline::base_from(checkpoint, parts.teacher),
                .provenance = parts.setup.provenance};
  model.info.provenance.step = step;
  model.info.provenance.teacher_hash = teacher.unet_hash();
  return model;
}

}  // namespace vdd::distill
