// SPDX-License-Identifier: Apache-2.0
// Legend: T frames, C latent channels, h w latent pixels.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "vdd/distill/distillation.h"
#include "vdd/distill/student.h"
#include "vdd/losses/latent.h"
#include "vdd/optim/parameter_selection.h"

namespace vdd::distill {

/// Everything that can be set for stage 1, `distill_unet`.
struct DistillUnetConfig : DistillConfig {
  losses::LatentLossConfig loss;
  optim::SelectionConfig trained;

  constexpr void fields(auto& f) {
    DistillConfig::fields(f);
    f("loss", loss, "difference of the latents of student and teacher");
    f("trained", trained, "which parameters of the student train");
  }
};

/// Stage 1: a one-step student UNet learns the last latent of the frozen n-step teacher, by the
/// losses of losses/latent.h. The student is D(x) = c_skip x + c_out U(cat(c_in x, r)) at sigma
/// 700; its weights are float32 and start as the teacher's.
class UnetDistiller final : public Distiller {
 public:
  /// Throws DataError, ConfigError.
  UnetDistiller(const DistillUnetConfig& config, DistillerParts parts);

  std::vector<optim::ParameterGroup> groups() const override;
  train::SampleLoss step(const data::Clip& clip, std::int64_t n) override;
  train::ValidationResult validate(std::int64_t step, const run::RunDir& run) override;
  void save_model(const std::filesystem::path& checkpoint, std::int64_t step) override;
  void load_model(const std::filesystem::path& checkpoint) override;

  /// The student's scaled latent [T,C,h,w], float32, differentiable.
  torch::Tensor denoise(const TeacherTarget& target);

 private:
  torch::Tensor denoise(const StudentInput& input);
  losses::LossParts loss(const torch::Tensor& student_TChw, const TeacherTarget& target) const;

  DistillUnetConfig config_;
  torch::Dtype compute_dtype_;
  models::UNetSpatioTemporalConditionModel unet_{nullptr};
};

/// The program `distill_unet`.
class UnetDistillation final : public ConfiguredDistillation<DistillUnetConfig> {
 public:
  using ConfiguredTraining::ConfiguredTraining;
  std::string program() const override { return "distill_unet"; }
  std::unique_ptr<Distiller> make_distiller(DistillerParts parts) const override;
};

}  // namespace vdd::distill
