// SPDX-License-Identifier: Apache-2.0
// Legend: T frames, C latent channels, h w latent pixels.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "vdd/train/clip_targets.h"
#include "vdd/train/trainer.h"
#include "vdd/train/validation.h"

namespace vdd::train {

/// Stage 1: a one-step student UNet learns the last latent of the frozen n-step teacher, by the
/// losses of losses/latent.h. The student is D(x) = c_skip x + c_out U(cat(c_in x, r)) at sigma
/// 700; its weights are float32 and start as the teacher's.
class UnetDistiller final : public Distiller {
 public:
  /// What vdd.json says about the student, except for the step.
  struct Origin {
    std::string config;           ///< the resolved config, YAML
    std::filesystem::path model;  ///< folder of the teacher, whose other parts the student uses
    std::string data_hash;
  };

  /// config.model.student may name the UNet to start from. Throws DataError, ConfigError.
  UnetDistiller(const DistillUnetConfig& config, std::shared_ptr<ClipTargets> targets,
                ValidationData validation, Origin origin, torch::Device device);

  const Selection& selection() const override { return selection_; }
  std::vector<ParameterGroup> groups() const override;
  SampleLoss step(const data::Clip& clip, std::int64_t n) override;
  bool wants_pixels(const data::ClipPlan& plan) const override {
    return targets_->wants_pixels(plan);
  }
  ValidationResult validate(std::int64_t step, const RunDir& run) override;
  void save_model(const std::filesystem::path& checkpoint, std::int64_t step) override;
  void load_model(const std::filesystem::path& checkpoint) override;

  /// The student's scaled latent [T,C,h,w], float32, differentiable.
  torch::Tensor denoise(const TeacherTarget& target);

 private:
  DistillUnetConfig config_;
  std::shared_ptr<ClipTargets> targets_;
  ValidationData validation_;
  Origin origin_;
  torch::Device device_;
  torch::Dtype compute_dtype_;
  models::UNetSpatioTemporalConditionModel unet_{nullptr};
  Selection selection_;
};

}  // namespace vdd::train
