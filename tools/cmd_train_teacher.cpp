// SPDX-License-Identifier: Apache-2.0
#include "program.h"
#include "training.h"
#include "vdd/train/train_teacher.h"

namespace vdd::tools {

void add_train_teacher(CLI::App& vdd) {
  add_training(*vdd.add_subcommand("train-teacher",
                                   "train a video depth teacher by denoising score matching"),
               train::train_teacher);
}

}  // namespace vdd::tools
