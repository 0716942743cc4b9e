// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vdd/core/field_checks.h"
#include "vdd/data/config.h"
#include "vdd/optim/amp.h"
#include "vdd/optim/ema.h"
#include "vdd/optim/lr_schedule.h"
#include "vdd/optim/optimizer.h"

// The settings that every training has. Steps are optimizer updates everywhere.
namespace vdd::train {

struct TrainConfig {
  std::int64_t max_steps = 55000;
  std::int64_t max_samples = 0;
  std::int64_t accumulation = 16;
  std::int64_t seed = 0;
  std::string device = "cpu";
  std::int64_t threads = 0;
  std::int64_t parallel = 1;
  bool gradient_checkpointing = false;
  std::int64_t checkpoint_every = 500;
  std::int64_t keep = 3;
  std::int64_t max_nonfinite = 0;
  bool allow_data_change = false;

  constexpr void fields(auto& f) {
    f("max_steps", max_steps, "optimizer updates of the whole run", positive);
    f("max_samples", max_samples,
      "samples after which the run ends, with fewer in the last update if needed; 0: no limit",
      non_negative);
    f("accumulation", accumulation, "samples whose gradients are averaged for one update",
      positive);
    f("seed", seed, "seed of the order, crops and flips of the samples, and of all noise",
      non_negative);
    f("device", device, "cpu, cuda or cuda:N", non_empty);
    f("threads", threads,
      "CPU threads of tensor operations, on which the last bits of results depend; 0: all cores, "
      "shared by `parallel`",
      non_negative);
    f("parallel", parallel,
      "forward and backward passes of an update that run at the same time on the CPU, each with "
      "`threads` threads; does not change results",
      positive);
    f("gradient_checkpointing", gradient_checkpointing,
      "recompute activations in the backward pass: less memory, more time");
    f("checkpoint_every", checkpoint_every, "updates between checkpoints", positive);
    f("keep", keep, "checkpoints to keep besides the best one", positive);
    f("max_nonfinite", max_nonfinite,
      "updates in a row that may be dropped because the loss or gradient is not finite",
      non_negative);
    f("allow_data_change", allow_data_change,
      "resume, with a warning, even if files of the data set have other names, sizes or times than "
      "at the start of the run");
  }
};

struct ValidationConfig {
  std::int64_t every = 500;
  std::int64_t clips = 4;
  std::int64_t seed = 1;
  bool at_start = true;
  bool depth = true;
  bool pictures = true;
  std::int64_t columns = 8;
  double max_depth = 80;

  constexpr void fields(auto& f) {
    f("every", every, "updates between validations; 0: none", non_negative);
    f("clips", clips, "clips of each validation, always the same ones", positive);
    f("seed", seed, "seed of the choice of these clips and of their noise", non_negative);
    f("at_start", at_start, "also validate before the first update");
    f("depth", depth,
      "decode the latents, and score them against the depth of the data set where it has any");
    f("pictures", pictures,
      "write pictures: in distillation RGB, teacher, student and difference (needs `depth`)");
    f("columns", columns, "frames in each picture", positive);
    f("max_depth", max_depth, "largest true depth that counts in scores, in metres", positive);
  }
};

struct CacheConfig {
  bool enabled = true;
  std::string dir;
  std::string max_size;

  constexpr void fields(auto& f) {
    f("enabled", enabled,
      "reuse the teacher's results that are stored, and store those that will be needed again");
    f("dir", dir,
      "folder of the cache, which runs may share; empty: teacher_cache in the run folder");
    f("max_size", max_size,
      "size of the folder, such as 500MB or 200GiB, at which no more results are stored; empty: no "
      "limit");
  }
  std::vector<std::string> check() const;

  /// `max_size` in bytes; 0: no limit.
  std::int64_t max_bytes() const;
};

/// The base of every training's config.
struct TrainingConfig {
  data::DataConfig data;
  optim::OptimizerConfig optimizer;
  optim::LrScheduleConfig lr_schedule;
  optim::PrecisionConfig precision;
  optim::EmaConfig ema;
  TrainConfig train;
  ValidationConfig validation;
  CacheConfig cache;

  constexpr void fields(auto& f) {
    f("data", data, "which clips are drawn, and what is done to them");
    f("optimizer", optimizer, "how gradients change the weights");
    f("lr_schedule", lr_schedule, "course of the learning rate");
    f("precision", precision, "mixed precision of the trained model");
    f("ema", ema, "moving average of the trained weights");
    f("train", train, "length of the run, gradient accumulation, device and checkpoints");
    f("validation", validation, "scores on clips that are not trained on");
    f("cache", cache, "results of the frozen model for the clips, on disk");
  }
  /// Rules across these sections, "key: message" each; those of a derived config come after them.
  std::vector<std::string> check() const;
};

/// Makes explicit what depends on other keys, so that the written config says what was run.
void resolve(TrainingConfig& config);

}  // namespace vdd::train
