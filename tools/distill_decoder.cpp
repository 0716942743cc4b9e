// SPDX-License-Identifier: Apache-2.0
// Stage 2: student UNet and temporal DPT head from the frozen teacher and its VAE decoder.
// docs/training.md
#include "program.h"
#include "training.h"

int main(int argc, char** argv) {
  return vdd::tools::run_program(
      argc, argv, [](CLI::App& app) { vdd::tools::add_training(app, "distill_decoder"); });
}
