// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace vdd::train {

/// `own`, and the keys that a resumed run of any program may change: where things lie, how long and
/// how fast it goes, how it is validated.
inline std::vector<std::string> with_common_free_keys(std::vector<std::string> own) {
  const std::vector<std::string> common = {
      "data.root",     "data.sources.*.root",    "data.workers",         "data.prefetch",
      "train.device",  "train.max_steps",        "data.max_bad_samples", "train.checkpoint_every",
      "train.threads", "train.parallel",         "train.max_nonfinite",  "train.keep",
      "validation.*",  "train.allow_data_change"};
  own.insert(own.end(), common.begin(), common.end());
  return own;
}

}  // namespace vdd::train
