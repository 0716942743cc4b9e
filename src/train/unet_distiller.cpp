// SPDX-License-Identifier: Apache-2.0
#include "vdd/train/unet_distiller.h"

#include "vdd/pipeline/sampling.h"
#include "vdd/tensor/dtype.h"
#include "vdd/train/amp.h"

namespace vdd::train {
namespace fs = std::filesystem;

UnetDistiller::UnetDistiller(const DistillUnetConfig& config, DistillerParts parts)
    : config_(config),
      parts_(std::move(parts)),
      compute_dtype_(tensor::parse_dtype(config.precision.compute)),
      unet_(load_student(config, parts_.targets->teacher(), parts_.device)),
      selection_(select_parameters(named_parameters(*unet_), config.trained)) {
  parts_.targets->teacher().share_storage(selection_.frozen());
}

std::vector<ParameterGroup> UnetDistiller::groups() const {
  return {{.name = "unet", .parameters = selection_.trained(), .lr = config_.optimizer.lr}};
}

torch::Tensor UnetDistiller::denoise(const TeacherTarget& target) {
  return denoise(student_input(config_.student, parts_.targets->teacher(), target, parts_.device));
}

torch::Tensor UnetDistiller::denoise(const StudentInput& input) {
  const Autocast autocast(parts_.device, compute_dtype_);
  return pipeline::student_denoise(unet_, input.conditioning, input.x_TChw, input.sigma,
                                   config_.teacher.noise_aug);
}

losses::LossParts UnetDistiller::loss(const torch::Tensor& student_TChw,
                                      const TeacherTarget& target) const {
  return losses::latent_loss(student_TChw, target.teacher_latent_TChw.to(student_TChw.device()),
                             config_.loss);
}

SampleLoss UnetDistiller::step(const data::Clip& clip, std::int64_t n) {
  const TeacherTarget target = parts_.targets->get(clip, n);
  const torch::Tensor student_TChw =
      config_.student.forward == "multi_step"
          ? denoise(noised_target(config_, parts_.targets->teacher(), target, n, parts_.device))
          : denoise(target);
  return {.loss = loss(student_TChw, target),
          .cache_key = parts_.targets->key(clip.content_key, n),
          .noise_seed = target.noise_seed};
}

ValidationResult UnetDistiller::validate(std::int64_t step, const RunDir& run) {
  Teacher& teacher = parts_.targets->teacher();
  return validate_clips(config_.validation, parts_.validation, *parts_.targets, step, run,
                        [&](const TeacherTarget& target) {
                          const torch::Tensor student_TChw = denoise(target).cpu();
                          ValidatedClip clip{.loss = loss(student_TChw, target)};
                          if (config_.validation.depth) {
                            clip.student_THW = teacher.decode_disparity(student_TChw);
                            clip.teacher_THW = teacher.decode_disparity(target.teacher_latent_TChw);
                          }
                          return clip;
                        });
}

void UnetDistiller::save_model(const fs::path& checkpoint, std::int64_t step) {
  auto model = student_model(config_, parts_.origin, parts_.targets->teacher(), checkpoint, step);
  model.unet = unet_;
  pipeline::save_depth_model(checkpoint, model);
}

void UnetDistiller::load_model(const fs::path& checkpoint) {
  tensor::load_state(*unet_, *pipeline::open_unet_weights(checkpoint / "unet"));
}

}  // namespace vdd::train
