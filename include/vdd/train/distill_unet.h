// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "vdd/train/distill_unet_config.h"
#include "vdd/train/distillation.h"

namespace vdd::train {

std::unique_ptr<Stage> make_stage(const DistillUnetConfig& config);

/// The program of stage 1.
ExitCode distill_unet(DistillUnetConfig config, const RunOptions& options);

}  // namespace vdd::train
