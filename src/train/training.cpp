// SPDX-License-Identifier: Apache-2.0
#include "vdd/train/training.h"

namespace vdd::train {

const std::vector<std::string>& common_free_keys() {
  static const std::vector<std::string> keys = {"data.root",
                                                "data.sources.*.root",
                                                "data.workers",
                                                "data.prefetch",
                                                "train.device",
                                                "train.max_steps",
                                                "data.max_bad_samples",
                                                "train.checkpoint_every",
                                                "train.threads",
                                                "train.parallel",
                                                "train.max_nonfinite",
                                                "train.keep",
                                                "validation.*",
                                                "train.allow_data_change",
                                                "cache.*"};
  return keys;
}

std::vector<std::string> all_free_keys(const Training& training) {
  std::vector<std::string> keys = training.free_keys();
  const auto& common = common_free_keys();
  keys.insert(keys.end(), common.begin(), common.end());
  return keys;
}

}  // namespace vdd::train
