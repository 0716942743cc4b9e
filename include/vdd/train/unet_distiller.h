// SPDX-License-Identifier: Apache-2.0
// Legend: T frames, C latent channels, h w latent pixels.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "vdd/data/dataset.h"
#include "vdd/train/distill_unet_config.h"
#include "vdd/train/teacher.h"
#include "vdd/train/trainer.h"

namespace vdd::train {

/// The seed of a clip's noise: with `fixed_per_clip` derive_seed(seed, first 15 hexadecimal digits
/// of the content key as a number, "noise"), else derive_seed(seed, n, "noise").
std::int64_t noise_seed(bool fixed_per_clip, std::uint64_t seed, const std::string& content_key,
                        std::int64_t n);

/// Stage 1: a one-step student UNet learns the latents of the frozen n-step teacher. Source: the
/// losses of losses/latent.h between D(x) = c_skip x + c_out U(cat(c_in x, r)) at sigma 700 and the
/// teacher's last latent.
class UnetDistiller final : public Distiller {
 public:
  /// `training` reloads a clip whose cache entry turns out to be damaged; `validation` may be empty
  /// (null). Throws DataError, ConfigError.
  UnetDistiller(const DistillUnetConfig& config, std::shared_ptr<Teacher> teacher,
                std::shared_ptr<data::ClipDataset> training,
                std::shared_ptr<data::ClipDataset> validation);

  const Selection& selection() const override { return selection_; }
  std::vector<ParameterGroup> groups() const override;
  SampleLoss step(const data::Clip& clip, std::int64_t n) override;
  bool wants_pixels(const data::ClipPlan& plan) const override;
  ValidationResult validate(std::int64_t step, const RunDir& run) override;
  void save_model(const std::filesystem::path& checkpoint, std::int64_t step) override;
  void load_model(const std::filesystem::path& checkpoint) override;

  /// The student's scaled latent [T,C,h,w], float32, differentiable.
  torch::Tensor denoise(const TeacherTarget& target);
  /// The teacher's answer for sample n of the training (or validation) data.
  TeacherTarget target(const data::Clip& clip, std::int64_t n, bool validating = false);

 private:
  Teacher::Request request(const std::string& content_key, std::int64_t n, bool validating) const;

  DistillUnetConfig config_;
  std::shared_ptr<Teacher> teacher_;
  std::shared_ptr<data::ClipDataset> training_, validation_;
  torch::Device device_;
  torch::Dtype compute_dtype_;
  models::UNetSpatioTemporalConditionModel unet_{nullptr};
  Selection selection_;
};

/// `distill_unet`: opens the run folder and trains. Returns kDone, kResumable or kInterrupted;
/// throws as the parts do.
ExitCode distill_unet(DistillUnetConfig config, const RunOptions& options);

struct CacheBuildResult {
  std::int64_t computed = 0, found = 0;
  ExitCode exit = ExitCode::kDone;  ///< or the reason to stop early
};

/// `vdd cache build`: the targets of samples 0 ... samples-1 (0: as many as the run would take),
/// and of its validation, into cache.dir. What is there already is left alone.
CacheBuildResult build_teacher_cache(DistillUnetConfig config, std::int64_t samples);

/// `vdd cache verify --recompute`: computes up to `count` targets of the run that the cache holds
/// anew. Returns the keys whose content differs in any bit.
std::vector<std::string> recompute_cached(DistillUnetConfig config, std::int64_t count,
                                          std::int64_t& compared);

}  // namespace vdd::train
