// SPDX-License-Identifier: Apache-2.0
#include "vdd/train/unet_distiller.h"

#include <cmath>

#include "base_folder.h"
#include "vdd/core/stop.h"
#include "vdd/core/system.h"
#include "vdd/pipeline/sampling.h"
#include "vdd/tensor/dtype.h"
#include "vdd/tensor/random.h"
#include "vdd/train/amp.h"

namespace vdd::train {
namespace fs = std::filesystem;

UnetDistiller::UnetDistiller(const DistillUnetConfig& config, std::shared_ptr<ClipTargets> targets,
                             ValidationData validation, Origin origin, torch::Device device)
    : config_(config),
      targets_(std::move(targets)),
      validation_(std::move(validation)),
      origin_(std::move(origin)),
      device_(device),
      compute_dtype_(tensor::parse_dtype(config.precision.compute)) {
  const fs::path start =
      config.model.student.empty()
          ? targets_->teacher().folders().unet
          : pipeline::find_model(config.model.student, config.model.student).unet;
  unet_ = pipeline::load_unet(start, {.dtype = torch::kFloat32, .device = device_});
  unet_->gradient_checkpointing = config.train.gradient_checkpointing;
  selection_ = select_parameters(named_parameters(*unet_), config.trained);
  targets_->teacher().share_storage(selection_.frozen());
}

std::vector<ParameterGroup> UnetDistiller::groups() const {
  return {{.name = "unet", .parameters = selection_.trained(), .lr = config_.optimizer.lr}};
}

torch::Tensor UnetDistiller::denoise(const TeacherTarget& target) {
  const pipeline::Conditioning conditioning{.rgb_latent_TChw = target.rgb_latent_TChw.to(device_),
                                            .image_embeds_TD = target.image_embeds_TD.to(device_)};
  const torch::Tensor start_TChw =
      config_.student.input == "rgb_latent"
          ? conditioning.rgb_latent_TChw * config_.student.rgb_latent_scale
          : tensor::randn(target.rgb_latent_TChw.sizes(),
                          static_cast<std::uint64_t>(target.noise_seed))
                .to(device_);
  const double sigma = config_.student.sigma;
  const Autocast autocast(device_, compute_dtype_);
  return pipeline::student_denoise(unet_, conditioning, start_TChw * std::sqrt(sigma * sigma + 1),
                                   sigma, config_.teacher.noise_aug);
}

SampleLoss UnetDistiller::step(const data::Clip& clip, std::int64_t n) {
  const TeacherTarget target = targets_->get(clip, n);
  const torch::Tensor teacher_TChw = target.teacher_latent_TChw.to(device_);
  return {
      .loss = losses::latent_loss(denoise(target), teacher_TChw, config_.loss),
      .cache_key = cache_key(targets_->teacher().key_parts(targets_->request(clip.content_key, n))),
      .noise_seed = target.noise_seed};
}

ValidationResult UnetDistiller::validate(std::int64_t step, const RunDir& run) {
  UnetValidation report(config_.validation, config_.loss, targets_->teacher());
  for (std::int64_t n = 0; n < config_.validation.clips; ++n) {
    if (stop_requested() != StopReason::kNone) return {.complete = false};
    const data::Clip clip = validation_.dataset->load(validation_.seed, n);
    const TeacherTarget target = targets_->get(clip, n, ClipTargets::Use::kValidation);
    report.add(clip, target, denoise(target).cpu(), step, run);
  }
  return report.result();
}

void UnetDistiller::save_model(const fs::path& checkpoint, std::int64_t step) {
  pipeline::DepthModel model;
  model.unet = unet_;
  model.scheduler = targets_->teacher().scheduler();
  model.info = {.input = config_.student.input,
                .rgb_latent_scale = config_.student.rgb_latent_scale,
                .steps = 1,
                .noise_aug = config_.teacher.noise_aug,
                .base = base_from(checkpoint, origin_.model),
                .provenance = {.program = "distill_unet",
                               .version = version(),
                               .step = step,
                               .config = origin_.config,
                               .teacher_hash = targets_->teacher().unet_hash(),
                               .data_hash = origin_.data_hash}};
  pipeline::save_depth_model(checkpoint, model);
}

void UnetDistiller::load_model(const fs::path& checkpoint) {
  tensor::load_state(*unet_, *pipeline::open_unet_weights(checkpoint / "unet"));
}

}  // namespace vdd::train
