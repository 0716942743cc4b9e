// SPDX-License-Identifier: Apache-2.0
#include "program.h"
#include "training.h"

namespace vdd::tools {

void add_train_teacher(CLI::App& vdd) {
  add_training(*vdd.add_subcommand("train-teacher",
                                   "train a video depth teacher by denoising score matching"),
               "vdd train-teacher");
}

}  // namespace vdd::tools
