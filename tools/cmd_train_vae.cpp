// SPDX-License-Identifier: Apache-2.0
#include "program.h"
#include "training.h"
#include "vdd/train/train_vae.h"

namespace vdd::tools {

void add_train_vae(CLI::App& vdd) {
  add_training(
      *vdd.add_subcommand("train-vae", "train the temporal VAE on pictures and their disparity"),
      train::train_vae);
}

}  // namespace vdd::tools
