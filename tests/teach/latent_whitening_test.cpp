// SPDX-License-Identifier: Apache-2.0
#include "vdd/teach/latent_whitening.h"

#include <gtest/gtest.h>

#include "vdd/core/error.h"
#include "vdd/nn/initialize.h"
#include "vdd/pipeline/random_model.h"

namespace vdd::teach {
namespace {

class LatentWhitening : public ::testing::Test {
 protected:
  LatentWhitening() {
    nn::initialize(*vae_, 3);
    vae_->to(torch::kFloat64);
    torch::manual_seed(7);
    images_N3HW_ = torch::rand({6, 3, 64, 64}, torch::kFloat64) * 2 - 1;
    images_N3HW_.slice(0, 0, 3) *= torch::linspace(0, 1, 64, torch::kFloat64);
  }
  torch::Tensor modes_NC() {
    const torch::NoGradGuard no_grad;
    return vae_->encode_mode(images_N3HW_).permute({0, 2, 3, 1}).flatten(0, 2);
  }

  models::AutoencoderKLTemporalDecoder vae_{models::tiny_vae()};
  torch::Tensor images_N3HW_;
};

TEST_F(LatentWhitening, GivesTheLatentsMeanZeroAndUnitCovariance) {
  whiten_latents(vae_, modes_NC(), 0.5);
  const torch::Tensor z_NC = modes_NC();
  const std::int64_t channels = z_NC.size(1);
  EXPECT_LT(z_NC.mean(0).abs().max().item<double>(), 1e-9);
  EXPECT_TRUE(torch::allclose(z_NC.t().cov(), torch::eye(channels, torch::kFloat64), 0, 1e-9));
}

TEST_F(LatentWhitening, GivesEveryPosteriorTheDeviationAskedFor) {
  whiten_latents(vae_, modes_NC(), 0.03);
  const torch::NoGradGuard no_grad;
  const torch::Tensor log_variance = vae_->encode_moments(images_N3HW_).chunk(2, 1)[1];
  EXPECT_LT(((log_variance / 2).exp() - 0.03).abs().max().item<double>(), 1e-9);
}

TEST_F(LatentWhitening, LeavesTheFirstLayerOfTheDecoderWhatItComputesFromAMode) {
  const torch::NoGradGuard no_grad;
  const auto inside = [&] {  // away from the border, whose padding has another meaning afterwards
    models::Taps taps{.only = {{"decoder.conv_in"}}};
    vae_->decode(vae_->encode_mode(images_N3HW_), 2, &taps);
    return taps.tensors.at("decoder.conv_in").slice(2, 1, -1).slice(3, 1, -1);
  };
  const torch::Tensor before = inside();
  whiten_latents(vae_, modes_NC(), 0.03);
  EXPECT_TRUE(torch::allclose(inside(), before, 1e-9, 1e-9));
}

TEST_F(LatentWhitening, RefusesChannelsThatFollowFromOthers) {
  const torch::Tensor z = torch::randn({100, 1});
  EXPECT_THROW(whiten_latents(vae_, torch::cat({z, 2 * z, -z, 3 * z}, 1), 0.03), ConfigError);
  EXPECT_THROW(whiten_latents(vae_, torch::zeros({100, 4}), 0.03), ConfigError);
}

}  // namespace
}  // namespace vdd::teach
