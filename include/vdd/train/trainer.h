// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "vdd/core/error.h"
#include "vdd/core/progress.h"
#include "vdd/core/thread_pool.h"
#include "vdd/data/loader.h"
#include "vdd/optim/accumulation.h"
#include "vdd/run/checkpoint.h"
#include "vdd/run/tensorboard.h"
#include "vdd/train/task.h"
#include "vdd/train/trainer_state.h"
#include "vdd/train/training_config.h"

namespace vdd::train {

/// Runs a task to its end: windows of `accumulation` samples, one optimizer update each. Update k
/// takes samples (k-1)*accumulation ... k*accumulation-1, so that nothing but the weights, the
/// optimizer and the counters has to be saved for a run to go on with the same bytes.
class Trainer {
 public:
  /// Both `task` and `run` outlive the trainer. Throws ResourceError if the disk has no room for
  /// the checkpoints.
  Trainer(Task& task, std::shared_ptr<data::ClipDataset> dataset, const TrainingConfig& config,
          run::RunDir& run);

  /// Goes on from the newest valid checkpoint, if there is one. Throws ConfigError if the weights
  /// or data it was started with are others (data: but for train.allow_data_change).
  void resume();
  std::int64_t step() const { return state_.step; }
  /// Estimates what the checkpoints to come will take besides those that are there, at most.
  std::int64_t checkpoint_bytes_ahead() const;

  /// Trains until the last update (kDone) or a stop (75, 130), then saves. A window that a stop
  /// cuts short is dropped: the run goes on from its first sample. Throws NonFiniteError before the
  /// update would be done, naming step and samples; ResourceError if checkpoints cannot be saved;
  /// what the task and the data throw. Whatever it throws, the last finished update is saved first
  /// if that can be done.
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
  void log_update(const Window& window, const optim::UpdateReport& report);
  bool validation_due() const;
  void validate();
  void save(bool final);
  void optionally(const std::string& what, const std::function<void()>& write);
  void report();

  Task& task_;
  std::shared_ptr<data::ClipDataset> dataset_;
  const TrainingConfig config_;
  run::RunDir& run_;

  ThreadPool passes_;
  optim::Optimizer optimizer_;
  optim::LossScaler scaler_;
  optim::Accumulation accumulation_;
  std::optional<optim::Ema> ema_;
  run::CheckpointStore checkpoints_;
  std::unique_ptr<run::MetricsLog> metrics_;
  std::unique_ptr<run::EventWriter> events_;
  std::unique_ptr<data::Loader> loader_;
  std::unique_ptr<Progress> progress_;

  TrainerState state_;            ///< as of the last update after which all else followed
  std::int64_t saved_step_ = -1;  ///< last one that is on the disk
  std::set<std::string> failed_;  ///< what could not be written, said once
};

}  // namespace vdd::train
