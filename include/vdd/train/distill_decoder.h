// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "vdd/train/distill_decoder_config.h"
#include "vdd/train/distillation.h"

namespace vdd::train {

std::unique_ptr<Stage> make_stage(const DistillDecoderConfig& config);

/// The program of stage 2.
ExitCode distill_decoder(DistillDecoderConfig config, const RunOptions& options);

}  // namespace vdd::train
