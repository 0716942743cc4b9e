// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "support/temp_dir.h"

namespace vdd::test {

/// A run folder of two updates and a validation.
inline void make_run(const TempDir& temp, const std::string& name,
                     const std::string& root = "a<b") {
  temp.write(name + "/config.resolved.yaml",
             "train:\n  max_steps: 4\ndata:\n  root: " + root + "\n");
  temp.write(name + "/manifest.json",
             "{\"program\": \"distill_unet\", \"version\": \"0.1.0\", \"device\": \"cpu\"}\n");
  temp.write(
      name + "/metrics.jsonl",
      "{\"step\": 1, \"loss\": 0.5, \"latent_score\": 0.4, \"lr\": 1e-05, \"grad_norm\": 2, "
      "\"samples\": [0, 1], \"sources\": [\"x\", \"y\"]}\n"
      "{\"step\": 2, \"loss\": 0.25, \"latent_score\": 0.2, \"lr\": 1e-05, \"grad_norm\": 1, "
      "\"samples\": [2, 3], \"sources\": [\"x\", \"y\"]}\n"
      "{\"step\": 2, \"valid/loss\": 0.125, \"valid/teacher_abs_rel\": 0.0625}\n");
  temp.write(name + "/timing.jsonl",
             "{\"step\": 1, \"seconds\": 3, \"data_wait\": 1}\n"
             "{\"step\": 2, \"seconds\": 5, \"data_wait\": 1}\n"
             "{\"step\": 2, \"validation_seconds\": 3600}\n");
}

}  // namespace vdd::test
