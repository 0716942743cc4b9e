// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "vdd/losses/latent.h"
#include "vdd/train/distill_config.h"
#include "vdd/train/parameter_selection.h"

namespace vdd::train {

/// Everything that can be set for stage 1, `distill_unet`.
struct DistillUnetConfig : DistillConfig {
  losses::LatentLossConfig loss;
  SelectionConfig trained;

  constexpr void fields(auto& f) {
    DistillConfig::fields(f);
    f("loss", loss, "difference of the latents of student and teacher");
    f("trained", trained, "which parameters of the student train");
  }
};

}  // namespace vdd::train
