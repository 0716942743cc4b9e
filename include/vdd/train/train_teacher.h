// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "vdd/core/error.h"
#include "vdd/train/run_setup.h"
#include "vdd/train/train_teacher_config.h"

namespace vdd::train {

/// `vdd train-teacher`: opens the run folder and trains. Without model.init the parts the run
/// starts from are put together in <run>/teacher. Returns kDone, kResumable or kInterrupted; throws
/// as the parts do.
ExitCode train_teacher(TrainTeacherConfig config, const RunOptions& options);

}  // namespace vdd::train
