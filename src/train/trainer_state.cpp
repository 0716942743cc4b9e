// SPDX-License-Identifier: Apache-2.0
#include "trainer_state.h"

#include "vdd/core/error.h"
#include "vdd/core/log.h"
#include "vdd/core/text.h"

namespace vdd::train {
namespace fs = std::filesystem;

void require_same_inputs(const TrainerState& state, const std::map<std::string, std::string>& now,
                         const fs::path& checkpoint) {
  for (const auto& [name, hash] : state.inputs) {
    const auto it = now.find(name);
    if (it != now.end() && it->second != hash) {
      throw ConfigError(concat(checkpoint.string(), ": the run was started with another ", name,
                               " (content hash ", hash.substr(0, 12), ", now ",
                               it->second.substr(0, 12), ")"));
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
