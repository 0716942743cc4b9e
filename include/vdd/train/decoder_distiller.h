// SPDX-License-Identifier: Apache-2.0
// Legend: T frames, C channels, H W image pixels, h w pixels of a feature map or latent.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "vdd/train/distill_decoder_config.h"
#include "vdd/train/distillation.h"

namespace vdd::train {

/// Weights that a head may start from: a folder dpt_head/, or one that holds it; or a file of
/// Video-Depth-Anything (.safetensors or .pth), of which only scratch.* and motion_modules.* are
/// given, because its other layers take other features. Throws DataError.
std::unique_ptr<tensor::TensorSource> open_head_start(const std::filesystem::path& path);

/// Stage 2: the student's UNet and a temporal DPT head on its features learn the disparity and the
/// features of the frozen n-step teacher with its VAE decoder, by the losses of losses/decoder.h.
/// Parameters are named unet.* and dpt_head.*.
class DecoderDistiller final : public Distiller {
 public:
  /// Throws DataError, ConfigError.
  DecoderDistiller(const DistillDecoderConfig& config, DistillerParts parts);

  const Selection& selection() const override { return selection_; }
  std::vector<ParameterGroup> groups() const override;
  SampleLoss step(const data::Clip& clip, std::int64_t n) override;
  bool wants_pixels(const data::ClipPlan& plan) const override {
    return parts_.targets->wants_pixels(plan);
  }
  ValidationResult validate(std::int64_t step, const RunDir& run) override;
  void save_model(const std::filesystem::path& checkpoint, std::int64_t step) override;
  void load_model(const std::filesystem::path& checkpoint) override;

  /// The student's answer, float32, differentiable; features as config.loss.affinity.pairs lists
  /// them, pooled as the teacher's are.
  struct Answer {
    torch::Tensor disparity_THW;
    torch::Tensor latent_TChw;  ///< undefined unless it has a weight in the loss
    std::vector<torch::Tensor> features_TChw;
  };
  Answer answer(const TeacherTarget& target);

 private:
  losses::LossParts loss(const Answer& answer, const TeacherTarget& target) const;

  DistillDecoderConfig config_;
  DistillerParts parts_;
  torch::Dtype compute_dtype_;
  models::UNetSpatioTemporalConditionModel unet_{nullptr};
  models::TemporalDptHead head_{nullptr};
  Selection selection_;
};

}  // namespace vdd::train
