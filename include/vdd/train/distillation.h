// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "vdd/core/error.h"
#include "vdd/train/clip_targets.h"
#include "vdd/train/distill_config.h"
#include "vdd/train/run_setup.h"
#include "vdd/train/student.h"
#include "vdd/train/trainer.h"
#include "vdd/train/validation.h"

// All parts of a distillation put together; the programs of both stages are this.
namespace vdd::train {

/// What a distiller is made from, besides its config.
struct DistillerParts {
  std::shared_ptr<ClipTargets> targets;
  ValidationData validation;
  Origin origin;
  torch::Device device;
};

/// One stage with its config: all in which the stages differ.
class Stage {
 public:
  virtual ~Stage() = default;

  virtual std::string program() const = 0;
  virtual DistillConfig& config() = 0;
  virtual std::string yaml() const = 0;  ///< the whole config
  virtual std::unique_ptr<RunDir> open_run(const RunOptions& options) const = 0;
  /// What the teacher gives besides latents; nothing in stage 1.
  virtual std::optional<DecoderMaps> decoder_maps() const { return std::nullopt; }
  /// Throws what is wrong with the places its config names, before anything is written.
  virtual void check_inputs() const {}
  virtual std::unique_ptr<Distiller> make_distiller(DistillerParts parts) const = 0;
};

template <typename Config>
class ConfiguredStage : public Stage {
 public:
  explicit ConfiguredStage(Config config) : config_(std::move(config)) {}
  DistillConfig& config() override { return config_; }
  std::string yaml() const override { return config::to_yaml(config_); }
  std::unique_ptr<RunDir> open_run(const RunOptions& options) const override {
    return train::open_run(config_, options, distill_free_keys());
  }

 protected:
  Config config_;
};

/// Opens the run folder and trains. A config without a teacher gets one with random weights, in
/// <run>/teacher. Returns kDone, kResumable or kInterrupted; throws as the parts do.
ExitCode distill(Stage& stage, const RunOptions& options);

struct CacheBuild {
  std::int64_t computed = 0;
  std::int64_t found = 0;
  ExitCode exit = ExitCode::kDone;  ///< or why it stopped early
};

/// `vdd cache build`: the targets of samples 0 ... samples-1 (0: of as many as the run would take),
/// and those of its validation, into cache.dir. What is there already is left alone.
CacheBuild build_teacher_cache(Stage& stage, std::int64_t samples);

struct CacheComparison {
  std::int64_t compared = 0;
  std::vector<std::string> different;  ///< keys
};

/// `vdd cache verify --recompute`: computes up to `count` of the run's targets that the cache holds
/// anew, and compares to the last bit.
CacheComparison recompute_cached(Stage& stage, std::int64_t count);

}  // namespace vdd::train
