// SPDX-License-Identifier: Apache-2.0
#include "program.h"
#include "training.h"

namespace vdd::tools {

void add_train_teacher(CLI::App& vdd) {
  add_training(*vdd.add_subcommand("train-teacher"), "vdd train-teacher");
}

}  // namespace vdd::tools
