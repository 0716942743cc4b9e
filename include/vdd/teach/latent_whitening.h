// SPDX-License-Identifier: Apache-2.0
// Legend: N samples, C latent channels.
#pragma once

#include "vdd/models/autoencoder_kl_temporal_decoder.h"

namespace vdd::teach {

/// Changes quant_conv and the decoder's conv_in so that the modes latents_NC, which `vae` gave,
/// would have had mean 0 and covariance 1, and each posterior the deviation posterior_std. A
/// decoded mode stays the same except at the border, where zero padding now stands for the mean
/// latent.
///
/// An autoencoder that starts with channels of unlike size tends to put everything into the largest
/// one and to stay there; diffusion, whose noise has one size for all channels, then sees only that
/// one. Throws ConfigError if a channel follows from the others.
void whiten_latents(models::AutoencoderKLTemporalDecoder& vae, const torch::Tensor& latents_NC,
                    double posterior_std);

}  // namespace vdd::teach
