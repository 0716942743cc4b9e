// SPDX-License-Identifier: Apache-2.0
// Stage 1: a one-step student UNet from a frozen n-step teacher. docs/training.md
#include "program.h"
#include "training.h"

int main(int argc, char** argv) {
  return vdd::tools::run_program(
      argc, argv, [](CLI::App& app) { vdd::tools::add_training(app, "distill_unet"); });
}
