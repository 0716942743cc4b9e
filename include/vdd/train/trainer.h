// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vdd/core/error.h"
#include "vdd/core/progress.h"
#include "vdd/core/thread_pool.h"
#include "vdd/data/loader.h"
#include "vdd/losses/loss_parts.h"
#include "vdd/train/accumulation.h"
#include "vdd/train/checkpoint.h"
#include "vdd/train/ema.h"
#include "vdd/train/lr_schedule.h"
#include "vdd/train/metrics_log.h"
#include "vdd/train/optimizer.h"
#include "vdd/train/parameter_selection.h"
#include "vdd/train/run_dir.h"
#include "vdd/train/tensorboard.h"
#include "vdd/train/train_config.h"

namespace vdd::train {

/// What one sample contributes to an update, and what the log says about it.
struct SampleLoss {
  losses::LossParts loss;
  std::string cache_key = {};   ///< of the teacher's answer; empty if there is none
  std::int64_t noise_seed = 0;  ///< of the sample's noise
};

struct ValidationResult {
  Record metrics = {};
  double score = 0;                                                          ///< smaller is better
  std::vector<std::pair<std::string, std::filesystem::path>> pictures = {};  ///< tag, PNG
  std::string picture_problem = {};  ///< why one of them could not be written; empty: nothing
  bool complete = true;  ///< false if a stop was asked for before its end: all else is void
};

/// One kind of training, as the trainer sees it. All else (order, accumulation, logs, checkpoints,
/// leaving early) is the trainer's.
class Distiller {
 public:
  virtual ~Distiller() = default;

  /// Every parameter of the student, and which of them train.
  virtual const Selection& selection() const = 0;
  /// The trained ones with their learning rates.
  virtual std::vector<ParameterGroup> groups() const = 0;
  /// The loss of sample `n`, differentiable. The clip has no pixels if wants_pixels() said so.
  /// Several threads may ask at once, also for steps().
  virtual SampleLoss step(const data::Clip& clip, std::int64_t n) = 0;
  /// Those of samples first, first + 1, ..., one for each clip: the same numbers up to rounding,
  /// from one pass where the distiller can.
  virtual std::vector<SampleLoss> steps(std::span<const data::Clip> clips, std::int64_t first);
  /// False if step() can do without the clip's pixels. Called from the loader's threads.
  virtual bool wants_pixels(const data::ClipPlan&) const { return true; }
  /// Scores the weights as they are, and writes pictures into the run. Without gradients. Polls
  /// stop_requested().
  virtual ValidationResult validate(std::int64_t step, const RunDir& run) = 0;
  /// Writes the model part of a checkpoint (diffusers layout), or reads it back.
  virtual void save_model(const std::filesystem::path& checkpoint, std::int64_t step) = 0;
  virtual void load_model(const std::filesystem::path& checkpoint) = 0;
};

struct TrainerConfig {
  TrainConfig train;
  OptimizerConfig optimizer;
  LrScheduleConfig lr_schedule;
  PrecisionConfig precision;
  EmaConfig ema;
  std::int64_t batch = 1;           ///< samples of a window that are run together
  std::int64_t validate_every = 0;  ///< 0: never
  bool validate_at_start = false;
  /// What must be the same when a run goes on, and is no config key, besides the data set: content
  /// hashes of the weights it starts from.
  std::map<std::string, std::string> inputs;
};

/// Runs a distiller to its end: windows of `accumulation` samples, one optimizer update each.
/// Update k takes samples (k-1)*accumulation ... k*accumulation-1, so that nothing but the weights,
/// the optimizer and the counters has to be saved for a run to go on with the same bytes.
class Trainer {
 public:
  /// Both `distiller` and `run` outlive the trainer. Throws ResourceError if the disk has no room
  /// for the checkpoints.
  Trainer(Distiller& distiller, std::shared_ptr<data::ClipDataset> dataset,
          const TrainerConfig& config, RunDir& run);

  /// Goes on from the newest valid checkpoint, if there is one. Throws ConfigError if the weights
  /// or data it was started with are others (data: but for train.allow_data_change).
  void resume();
  std::int64_t step() const { return step_; }
  /// What the checkpoints to come will take besides those that are there, at most.
  std::int64_t checkpoint_bytes_ahead() const;

  /// Trains until the last update (kDone) or a stop (75, 130), then saves. A window that a stop
  /// cuts short is dropped: the run goes on from its first sample. Throws NonFiniteError before the
  /// update would be done, naming step and samples; ResourceError if checkpoints cannot be saved;
  /// what the distiller and the data throw. Whatever it throws, the last finished update is saved
  /// first if that can be done.
  ExitCode run();

 private:
  struct Window;
  struct Pass;
  void run_updates();
  void rescue();
  std::int64_t checkpoint_bytes() const;
  void require_disk_space() const;
  std::int64_t window_size() const;
  bool collect(Window& window);
  Pass run_pass(const std::vector<data::Clip>& clips, std::int64_t first);
  void update(Window& window);
  void drop(Window& window, const NonFiniteError& cause);
  void log_update(const Window& window, const UpdateReport& report);
  bool validation_due() const;
  void validate();
  void save(bool final);
  void optionally(const std::string& what, const std::function<void()>& write);
  void report();

  Distiller& distiller_;
  std::shared_ptr<data::ClipDataset> dataset_;
  TrainerConfig config_;
  RunDir& run_;

  ThreadPool passes_;
  Optimizer optimizer_;
  LossScaler scaler_;
  Accumulation accumulation_;
  std::optional<Ema> ema_;
  CheckpointStore checkpoints_;
  std::unique_ptr<MetricsLog> metrics_;
  std::unique_ptr<EventWriter> events_;
  std::unique_ptr<data::Loader> loader_;
  std::unique_ptr<Progress> progress_;

  std::int64_t step_ = 0;             ///< updates done, dropped ones too
  std::int64_t samples_ = 0;          ///< samples they used
  std::int64_t validated_step_ = -1;  ///< last one that was validated
  std::int64_t saved_step_ = -1;      ///< last one that is on the disk
  std::int64_t dropped_ = 0;          ///< updates in a row that were not finite
  std::int64_t whole_updates_ = 0;    ///< optimizer updates after which all else followed
  std::optional<double> best_score_;
  std::int64_t best_step_ = -1;
  std::set<std::string> failed_;  ///< what could not be written, said once
  std::int64_t log_lines_ = 0;    ///< of metrics.jsonl, at the checkpoint the run goes on from
};

/// Runs one backward pass on sample 0 and logs which tensors train and how the gradients reach
/// them. Throws ConfigError if one that should train gets no gradient, or a frozen one does.
void audit(Distiller& distiller, data::ClipDataset& dataset, std::uint64_t seed);

}  // namespace vdd::train
