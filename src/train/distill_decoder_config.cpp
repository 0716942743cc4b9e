// SPDX-License-Identifier: Apache-2.0
#include "vdd/train/distill_decoder_config.h"

#include <map>

#include "vdd/core/text.h"

namespace vdd::train {

std::vector<std::string> DistillDecoderConfig::check() const {
  std::vector<std::string> errors = DistillConfig::check();
  if (student.forward != "one_step") {
    errors.emplace_back("student.forward: stage 2 trains the one step");
  }
  std::map<std::string, std::int64_t> pools;
  for (const losses::FeaturePairConfig& pair : loss.affinity.pairs) {
    if (pools.try_emplace(pair.teacher, pair.pool).first->second != pair.pool) {
      errors.push_back(concat("loss.affinity.pairs: ", pair.teacher,
                              " is in two pairs of different pool, but kept once"));
    }
    if (pair.pool > 0 && (data.height % pair.pool != 0 || data.width % pair.pool != 0)) {
      errors.push_back(concat("loss.affinity.pairs: pool ", pair.pool,
                              " does not divide data.height and data.width"));
    }
  }
  if (loss.affinity.pairs.empty() && loss.weights.affinity > 0) {
    errors.emplace_back("loss.affinity.pairs: none, but the weight is not 0");
  }
  return errors;
}

}  // namespace vdd::train
