// SPDX-License-Identifier: Apache-2.0
#include "vdd/models/vae.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "support/reference_parameters.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/models/autoencoder_kl_temporal_decoder.h"

namespace vdd::models {
namespace {

AutoencoderKLTemporalDecoder small_vae() {
  AutoencoderKLTemporalDecoder vae(
      VaeConfig{.down_block_types = {"DownEncoderBlock2D", "DownEncoderBlock2D"},
                .block_out_channels = {32, 64}});
  test::fill_parameters(*vae, 3);
  return vae;
}

TEST(Vae, ClipsAreDecodedApart) {
  auto vae = small_vae();
  torch::NoGradGuard no_grad;
  const torch::Tensor z = tensor::randn({6, 4, 4, 6}, 1);
  const torch::Tensor both = vae->decode(z, 3);
  EXPECT_EQ(both.sizes(), torch::IntArrayRef({6, 3, 8, 12}));
  EXPECT_TRUE(torch::allclose(both.slice(0, 3), vae->decode(z.slice(0, 3), 3), 1e-4, 1e-5));
  EXPECT_FALSE(torch::allclose(both, vae->decode(z, 6), 1e-3, 1e-3));  // frames see each other
}

TEST(Vae, ModeIsTheFirstHalfOfTheMoments) {
  auto vae = small_vae();
  torch::NoGradGuard no_grad;
  const torch::Tensor x = tensor::randn({2, 3, 8, 8}, 1).tanh();
  EXPECT_TRUE(torch::equal(vae->encode_mode(x), vae->encode_moments(x).slice(1, 0, 4)));
}

TEST(Vae, RefusesBadConfigsAndShapes) {
  const std::string message = test::thrown<ConfigError>([] {
    AutoencoderKLTemporalDecoder vae(VaeConfig{.block_out_channels = {32, 64}});
  });
  EXPECT_THAT(message, testing::HasSubstr("down_block_types: has 1 entries for the 2 levels"));
  auto vae = small_vae();
  test::thrown<ShapeError>([&] { vae->encode_mode(torch::zeros({1, 3, 9, 8})); });
  test::thrown<ShapeError>([&] { vae->decode(torch::zeros({3, 4, 4, 4}), 2); });
  test::thrown<ShapeError>([&] { vae->decode(torch::zeros({2, 3, 4, 4}), 2); });
}

}  // namespace
}  // namespace vdd::models
