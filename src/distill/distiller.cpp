// SPDX-License-Identifier: Apache-2.0
#include "vdd/distill/distiller.h"

#include "vdd/core/log.h"
#include "vdd/core/text.h"

namespace vdd::distill {

void Distiller::log_end() const {
  teacher().store().log_unwritten();
  if (teacher().unet_loaded()) return;
  log::info("train", concat("every target came from the cache: ",
                            teacher().vae_loaded() ? "the teacher was not loaded"
                                                   : "neither the teacher nor its VAE was loaded"));
}

}  // namespace vdd::distill
