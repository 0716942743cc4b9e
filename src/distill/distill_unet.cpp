// SPDX-License-Identifier: Apache-2.0
#include "vdd/distill/distill_unet.h"

#include <utility>

#include "vdd/distill/validate_clips.h"
#include "vdd/optim/amp.h"
#include "vdd/pipeline/sampling.h"
#include "vdd/tensor/dtype.h"

namespace vdd::distill {
namespace fs = std::filesystem;

UnetDistiller::UnetDistiller(const DistillUnetConfig& config, DistillerParts parts)
    : Distiller(std::move(parts)),
      config_(config),
      compute_dtype_(tensor::parse_dtype(config.precision.compute)),
      unet_(load_student(config, teacher(), device())) {
  selection_ =
      optim::select_parameters(tensor::named_parameters(*unet_), config.trained.in_force());
  teacher().share_storage(selection_.frozen());
}

std::vector<optim::ParameterGroup> UnetDistiller::groups() const {
  return {{.name = "unet", .parameters = selection_.trained(), .lr = config_.optimizer.lr}};
}

torch::Tensor UnetDistiller::denoise(const TeacherTarget& target) {
  return denoise(student_input(config_.student, teacher(), target, device()));
}

torch::Tensor UnetDistiller::denoise(const StudentInput& input) {
  const optim::Autocast autocast(device(), compute_dtype_);
  return pipeline::denoise_once(unet_, input.conditioning, input.x_TChw, input.sigma,
                                config_.teacher.noise_aug);
}

losses::LossParts UnetDistiller::loss(const torch::Tensor& student_TChw,
                                      const TeacherTarget& target) const {
  return losses::latent_loss(student_TChw, target.teacher_latent_TChw.to(student_TChw.device()),
                             config_.loss);
}

train::SampleLoss UnetDistiller::step(const data::Clip& clip, std::int64_t n) {
  const TeacherTarget target = parts_.targets->get(clip, n);
  const torch::Tensor student_TChw =
      config_.student.forward == StudentForward::kMultiStep
          ? denoise(noised_target(config_, teacher(), target, n, device()))
          : denoise(target);
  return {.loss = loss(student_TChw, target),
          .cache_key = parts_.targets->key(clip, n),
          .noise_seed = target.noise_seed};
}

train::ValidationResult UnetDistiller::validate(std::int64_t step, const run::RunDir& run) {
  return validate_clips(config_.validation, parts_.setup.validation, *parts_.targets, step, run,
                        [&](const TeacherTarget& target) {
                          const torch::Tensor student_TChw = denoise(target).cpu();
                          ValidatedClip clip{.loss = loss(student_TChw, target)};
                          if (config_.validation.depth) {
                            clip.student_THW = teacher().decode_disparity(student_TChw);
                            clip.teacher_THW =
                                teacher().decode_disparity(target.teacher_latent_TChw);
                          }
                          return clip;
                        });
}

void UnetDistiller::save_model(const fs::path& checkpoint, std::int64_t step) {
  auto model = student_model(config_, parts_, checkpoint, step);
  model.unet = unet_;
  pipeline::save_depth_model(checkpoint, model);
}

void UnetDistiller::load_model(const fs::path& checkpoint) {
  tensor::load_state(*unet_, *pipeline::open_unet_weights(checkpoint / "unet"));
}

std::unique_ptr<Distiller> UnetDistillation::make_distiller(DistillerParts parts) const {
  return std::make_unique<UnetDistiller>(config_, std::move(parts));
}

}  // namespace vdd::distill
