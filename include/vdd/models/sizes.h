// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "vdd/models/autoencoder_kl_temporal_decoder.h"
#include "vdd/models/clip_vision.h"
#include "vdd/models/dpt_config.h"
#include "vdd/models/unet_spatio_temporal_condition.h"

// Sizes of whole models, by name.
namespace vdd::models {

/// Stable Video Diffusion's layout (four levels, attention on the three finer ones), as small as it
/// goes.
UNetConfig tiny_unet();
VaeConfig tiny_vae();
ClipConfig tiny_image_encoder();

/// Stable Video Diffusion, as published.
UNetConfig svd_unet();
VaeConfig svd_vae();
ClipConfig svd_image_encoder();

/// Parts that fit one another.
struct ModelSizes {
  UNetConfig unet = tiny_unet();
  VaeConfig vae = tiny_vae();
  ClipConfig image_encoder = tiny_image_encoder();
  std::optional<DptConfig> dpt_head = {};
};

/// With the head "tiny", and with Video-Depth-Anything's "L".
ModelSizes tiny_model();
ModelSizes svd_model();

}  // namespace vdd::models
