// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "vdd/core/field_checks.h"
#include "vdd/data/fingerprint.h"
#include "vdd/train/task.h"

namespace vdd::train {

struct Input {
  std::string name, hash;
  constexpr void fields(auto& f) {
    f("name", name, "what the run was started with");
    f("hash", hash, "hash of its content");
  }
};

/// All that is neither weights nor optimizer moments: what the trainer counts, and
/// trainer/state.json.
struct TrainerState {
  std::int64_t step = 0, samples = 0, optimizer_updates = 0, ema_updates = 0;
  std::int64_t validated_step = -1, dropped = 0, good_updates = 0, best_step = -1, log_lines = 0;
  double loss_scale = 1;
  std::optional<double> best_score;
  std::vector<Input> inputs;

  constexpr void fields(auto& f) {
    f("step", step, "updates done");
    f("samples", samples, "samples they used");
    f("optimizer_updates", optimizer_updates, "updates that changed the weights");
    f("ema_updates", ema_updates, "updates of the moving average");
    f("validated_step", validated_step, "last step that was validated");
    f("dropped", dropped, "updates in a row that were not finite");
    f("good_updates", good_updates, "fp16: updates since the loss scale changed");
    f("loss_scale", loss_scale, "fp16: loss scale");
    f("best_score", best_score, "best validation score");
    f("best_step", best_step, "its step");
    f("log_lines", log_lines, "lines of metrics.jsonl");
    f("inputs", inputs, "what must be the same when the run goes on");
  }
};

/// The name of the input that is a data::Fingerprint.
constexpr const char* kDataSet = "data set";

/// Throws ConfigError if weights that the run was started with are others now. `checkpoint`: where
/// the state comes from.
void require_same_weights(const TrainerState& state, const std::vector<InputWeights>& now,
                          const std::filesystem::path& checkpoint);

/// Throws ConfigError if the run was started with another data set; warns of it with
/// `allow_change`.
void require_same_data(const TrainerState& state, const data::Fingerprint& now, bool allow_change,
                       const std::filesystem::path& checkpoint);

}  // namespace vdd::train
