// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vdd/data/clip.h"
#include "vdd/losses/loss_parts.h"
#include "vdd/optim/amp.h"
#include "vdd/optim/optimizer.h"
#include "vdd/optim/parameter_selection.h"
#include "vdd/run/metrics_log.h"
#include "vdd/run/run_dir.h"

namespace vdd::train {

/// Contribution of one sample to an update, and what the log says about it.
struct SampleLoss {
  losses::LossParts loss;
  std::string cache_key = {};   ///< of the teacher's answer; empty if there is none
  std::int64_t noise_seed = 0;  ///< of the sample's noise
};

struct ValidationResult {
  run::Record metrics = {};
  double score = 0;                                                          ///< smaller is better
  std::vector<std::pair<std::string, std::filesystem::path>> pictures = {};  ///< tag, PNG
  std::string picture_problem = {};  ///< why one of them could not be written; empty: nothing
  bool complete = true;  ///< false if a stop was asked for before its end: all else is void
};

/// Weights that a training reads. A resumed run must find the same.
struct InputWeights {
  std::string part;  ///< in the manifest: "unet"
  std::string name;  ///< in messages, and in the state of the trainer: "teacher UNet"
  std::string hash;  ///< tensor::content_hash
};

/// Model that is trained, with its loss and its validation, as the trainer sees it. All else
/// (order, accumulation, logs, checkpoints, leaving early) is the trainer's.
class Task {
 public:
  virtual ~Task() = default;

  /// Lists every parameter of the model, and which of them train.
  virtual const optim::Selection& selection() const = 0;
  /// Groups the trained parameters by learning rate.
  virtual std::vector<optim::ParameterGroup> groups() const = 0;
  virtual std::vector<InputWeights> input_weights() const { return {}; }

  /// The loss of sample `n`, differentiable. The clip has no pixels if wants_pixels() said so.
  /// Several threads may ask at once, also for steps().
  virtual SampleLoss step(const data::Clip& clip, std::int64_t n) = 0;
  /// The losses of samples first, first + 1, ..., one for each clip: the same numbers up to
  /// rounding, from one pass where the task can.
  virtual std::vector<SampleLoss> steps(std::span<const data::Clip> clips, std::int64_t first);
  /// Samples of an update that steps() is given at once.
  virtual std::int64_t batch() const { return 1; }
  /// Says whether step() needs the clip's pixels. Called from the loader's threads.
  virtual bool wants_pixels(const data::ClipPlan&) const { return true; }

  /// Scores the weights as they are, and writes pictures into the run. Without gradients. Polls
  /// stop_requested().
  virtual ValidationResult validate(std::int64_t step, const run::RunDir& run) = 0;
  /// Writes the model part of a checkpoint (diffusers layout), or reads it back.
  virtual void save_model(const std::filesystem::path& checkpoint, std::int64_t step) = 0;
  virtual void load_model(const std::filesystem::path& checkpoint) = 0;

  /// Tells a task that writes to the disk, before the first update, how many bytes below `run` the
  /// checkpoints to come will take.
  virtual void reserve_disk(std::int64_t bytes, const std::filesystem::path& run) {
    (void)bytes, (void)run;
  }
  /// Logs, after the last update, what a user should know of it.
  virtual void log_end() const {}
};

/// Runs one backward pass on a sample and logs which tensors train and how the gradients reach
/// them; with fp16 the loss is scaled as in an update. Throws ConfigError if one that should train
/// gets no gradient, or a frozen one does.
void audit(Task& task, const data::Clip& clip, const optim::PrecisionConfig& precision = {});

}  // namespace vdd::train
