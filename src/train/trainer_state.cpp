// SPDX-License-Identifier: Apache-2.0
#include "vdd/train/trainer_state.h"

#include <algorithm>

#include "vdd/core/error.h"
#include "vdd/core/log.h"
#include "vdd/core/text.h"

namespace vdd::train {
namespace fs = std::filesystem;

void require_same_weights(const TrainerState& state, const std::vector<InputWeights>& now,
                          const fs::path& checkpoint) {
  for (const auto& [name, hash] : state.inputs) {
    const auto it = std::ranges::find(now, name, &InputWeights::name);
    if (it != now.end() && it->hash != hash) {
      throw ConfigError(concat(checkpoint.string(), ": the run was started with another ", name,
                               " (content hash ", hash.substr(0, 12), ", now ",
                               it->hash.substr(0, 12), ")"));
    }
  }
}

void require_same_data(const TrainerState& state, const data::Fingerprint& now, bool allow_change,
                       const fs::path& checkpoint) {
  for (const auto& [name, before] : state.inputs) {
    if (name != kDataSet) continue;
    const std::string difference = now.difference(before);
    const std::string message =
        concat(checkpoint.string(), ": the run was started with another data set: it has now ",
               difference);
    if (!difference.empty() && !allow_change) {
      throw ConfigError(concat(message, "; train.allow_data_change=true goes on nevertheless"));
    }
    if (!difference.empty()) {
      log::warning("train", message);
    } else if (data::holds_names_only(before)) {
      log::warning("train",
                   concat(checkpoint.string(),
                          ": from before sizes and times of the data set were recorded; only the "
                          "names of its sequences could be compared"));
    }
  }
}

}  // namespace vdd::train
