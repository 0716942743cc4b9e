// SPDX-License-Identifier: Apache-2.0
// Legend: T frames, C latent channels, h w latent pixels.
#pragma once

#include <cstdint>
#include <vector>

#include "vdd/train/distill_unet_config.h"
#include "vdd/train/distillation.h"

namespace vdd::train {

/// Stage 1: a one-step student UNet learns the last latent of the frozen n-step teacher, by the
/// losses of losses/latent.h. The student is D(x) = c_skip x + c_out U(cat(c_in x, r)) at sigma
/// 700; its weights are float32 and start as the teacher's.
class UnetDistiller final : public Distiller {
 public:
  /// Throws DataError, ConfigError.
  UnetDistiller(const DistillUnetConfig& config, DistillerParts parts);

  const Selection& selection() const override { return selection_; }
  std::vector<ParameterGroup> groups() const override;
  SampleLoss step(const data::Clip& clip, std::int64_t n) override;
  bool wants_pixels(const data::ClipPlan& plan) const override {
    return parts_.targets->wants_pixels(plan);
  }
  ValidationResult validate(std::int64_t step, const RunDir& run) override;
  void save_model(const std::filesystem::path& checkpoint, std::int64_t step) override;
  void load_model(const std::filesystem::path& checkpoint) override;

  /// The student's scaled latent [T,C,h,w], float32, differentiable.
  torch::Tensor denoise(const TeacherTarget& target);

 private:
  torch::Tensor denoise(const StudentInput& input);
  losses::LossParts loss(const torch::Tensor& student_TChw, const TeacherTarget& target) const;

  DistillUnetConfig config_;
  DistillerParts parts_;
  torch::Dtype compute_dtype_;
  models::UNetSpatioTemporalConditionModel unet_{nullptr};
  Selection selection_;
};

}  // namespace vdd::train
