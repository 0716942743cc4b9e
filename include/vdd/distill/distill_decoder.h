// SPDX-License-Identifier: Apache-2.0
// Legend: T frames, C channels, H W image pixels, h w pixels of a feature map or latent.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "vdd/distill/distillation.h"
#include "vdd/losses/decoder.h"
#include "vdd/models/dpt_temporal.h"
#include "vdd/optim/parameter_selection.h"

namespace vdd::distill {

struct HeadConfig {
  std::string variant = "L";
  models::HeadActivation activation = models::HeadActivation::kSoftplus;
  std::string init_from;
  std::int64_t seed = 0;
  double lr = 1e-5;

  constexpr void fields(auto& f) {
    f("variant", variant,
      "sizes of the head: Video Depth Anything's S, B or L, or tiny (for tests)",
      one_of("S", "B", "L", "tiny"));
    f("activation", activation,
      "activation of the last layer; relu may die (always give 0) if training starts from random "
      "weights");
    f("init_from", init_from,
      "initial weights: a folder dpt_head/ or one that holds it, or a .safetensors or .pth file of "
      "Video Depth Anything; empty: random");
    f("seed", seed, "seed of the random weights", non_negative);
    f("lr", lr, "peak learning rate of the head; optimizer.lr is that of the UNet", positive);
  }
};

/// Everything that can be set for stage 2, `distill_decoder`.
struct DistillDecoderConfig : DistillConfig {
  HeadConfig head;
  losses::DecoderLossConfig loss;
  optim::SelectionConfig trained;

  constexpr void fields(auto& f) {
    DistillConfig::fields(f);
    f("head", head, "the temporal DPT head on the student's features");
    f("loss", loss, "difference of disparity and features of student and teacher");
    f("trained", trained,
      "which parameters train, of the student (unet.*) and its head (dpt_head.*)");
  }
  std::vector<std::string> check() const;
};

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

  std::vector<optim::ParameterGroup> groups() const override;
  train::SampleLoss step(const data::Clip& clip, std::int64_t n) override;
  train::ValidationResult validate(std::int64_t step, const run::RunDir& run) override;
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
  torch::Dtype compute_dtype_;
  models::UNetSpatioTemporalConditionModel unet_{nullptr};
  models::TemporalDptHead head_{nullptr};
};

/// The program `distill_decoder`.
class DecoderDistillation final : public ConfiguredDistillation<DistillDecoderConfig> {
 public:
  using ConfiguredTraining::ConfiguredTraining;
  std::string program() const override { return "distill_decoder"; }
  std::vector<std::string> free_keys() const override;
  void check_inputs() const override;
  std::optional<DecoderMaps> decoder_maps() const override;
  std::unique_ptr<Distiller> make_distiller(DistillerParts parts) const override;
};

}  // namespace vdd::distill
