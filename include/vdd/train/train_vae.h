// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "vdd/core/error.h"
#include "vdd/train/run_setup.h"
#include "vdd/train/train_vae_config.h"

namespace vdd::train {

/// `vdd train-vae`: opens the run folder and trains. Returns kDone, kResumable or kInterrupted;
/// throws as the parts do.
ExitCode train_vae(TrainVaeConfig config, const RunOptions& options);

}  // namespace vdd::train
