// SPDX-License-Identifier: Apache-2.0
#include "vdd/teach/latent_whitening.h"

#include <cmath>

#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::teach {

void whiten_latents(models::AutoencoderKLTemporalDecoder& vae, const torch::Tensor& latents_NC,
                    double posterior_std) {
  const torch::NoGradGuard no_grad;
  const torch::Tensor z_NC = latents_NC.to(torch::kCPU, torch::kFloat64);
  const std::int64_t channels = z_NC.size(1);
  const torch::Tensor mean_C = z_NC.mean(0);
  const torch::Tensor covariance_CC = z_NC.t().cov().view({channels, channels});
  // z = L white + mean, with L L^T the covariance.
  const auto [lower_CC, info] = at::linalg_cholesky_ex(covariance_CC);
  const double largest = lower_CC.diagonal().max().item<double>();
  const double smallest = lower_CC.diagonal().min().item<double>();
  if (info.item<int>() != 0 || !(smallest > 1e-6 * largest)) {
    throw ConfigError(concat("model.whiten: a latent channel follows from the others over ",
                             z_NC.size(0), " latents of the training clips"));
  }

  auto parameters = vae->named_parameters();
  const auto read = [&](const char* name) {
    return parameters[name].to(torch::kCPU, torch::kFloat64);
  };
  const auto white = [&](const torch::Tensor& rows_CK) {
    return at::linalg_solve_triangular(lower_CC, rows_CK, /*upper=*/false);
  };
  const torch::Tensor weight = read("quant_conv.weight");  // [2C,2C,1,1]: mean, then log variance
  const torch::Tensor bias = read("quant_conv.bias");
  weight.narrow(0, 0, channels)
      .copy_(white(weight.narrow(0, 0, channels).flatten(1)).view({channels, -1, 1, 1}));
  weight.narrow(0, channels, channels).zero_();
  bias.narrow(0, 0, channels)
      .copy_(white((bias.narrow(0, 0, channels) - mean_C).unsqueeze(1)).squeeze(1));
  bias.narrow(0, channels, channels).fill_(2 * std::log(posterior_std));

  const torch::Tensor kernel = read("decoder.conv_in.weight");
  const torch::Tensor offset = at::einsum("oikl,i->o", {kernel, mean_C});
  parameters["decoder.conv_in.bias"].add_(offset.to(parameters["decoder.conv_in.bias"]));
  parameters["decoder.conv_in.weight"].copy_(at::einsum("oikl,ij->ojkl", {kernel, lower_CC}));
  parameters["quant_conv.weight"].copy_(weight);
  parameters["quant_conv.bias"].copy_(bias);
}

}  // namespace vdd::teach
