// SPDX-License-Identifier: Apache-2.0
#include "vdd/train/training.h"

namespace vdd::train {

std::vector<std::string> all_free_keys(const Training& training) {
  std::vector<std::string> keys = training.free_keys();
  keys.insert(keys.end(),
              {"data.root", "data.sources.*.root", "data.workers", "data.prefetch", "train.device",
               "train.max_steps", "data.max_bad_samples", "train.checkpoint_every", "train.threads",
               "train.parallel", "train.max_nonfinite", "train.keep", "validation.*",
               "train.allow_data_change", "cache.*"});
  return keys;
}

}  // namespace vdd::train
