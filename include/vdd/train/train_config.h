// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "vdd/core/field_checks.h"

// The settings every kind of training has. Steps are optimizer updates everywhere.
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
      "the run ends after this many samples, the last update having fewer if need be; 0: no limit",
      non_negative);
    f("accumulation", accumulation, "samples of one update", positive);
    f("seed", seed, "of the order, crops and flips of the samples, and of all noise", non_negative);
    f("device", device, "cpu, cuda or cuda:N", non_empty);
    f("threads", threads, "of tensor operations on the CPU, on which the last bits depend; 0: all",
      non_negative);
    f("parallel", parallel,
      "passes of an update that run at the same time on the CPU, each with `threads` threads; "
      "changes no byte",
      positive);
    f("gradient_checkpointing", gradient_checkpointing,
      "recompute activations in the backward pass: less memory, more time");
    f("checkpoint_every", checkpoint_every, "updates between checkpoints", positive);
    f("keep", keep, "checkpoints to keep besides the best one", positive);
    f("max_nonfinite", max_nonfinite,
      "updates in a row that may be dropped for a loss or gradient that is not finite",
      non_negative);
    f("allow_data_change", allow_data_change,
      "a resumed run goes on, with a warning, although files of the data set have other names, "
      "sizes or times than at its start");
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
    f("clips", clips, "clips of a validation, always the same", positive);
    f("seed", seed, "of the choice of these clips and of their noise", non_negative);
    f("at_start", at_start, "also before the first update");
    f("depth", depth,
      "decode the latents, and compare with the depth of the data set where it has any");
    f("pictures", pictures, "write RGB, teacher, student, difference (needs depth)");
    f("columns", columns, "frames of a picture", positive);
    f("max_depth", max_depth, "metres; farther pixels do not count", positive);
  }
};

}  // namespace vdd::train
