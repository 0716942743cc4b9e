// SPDX-License-Identifier: Apache-2.0
#include "vdd/nn/layers.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/nn/attention.h"
#include "vdd/nn/embeddings.h"
#include "vdd/nn/initialize.h"
#include "vdd/nn/resnet.h"
#include "vdd/tensor/random.h"

namespace vdd::nn {
namespace {

TEST(Layers, FramesAndPlacesKeepChannelsLast) {
  for (const std::int64_t clips : {1, 2}) {
    const torch::Tensor x_NChw =
        torch::randn({3 * clips, 4, 2, 5}).contiguous(at::MemoryFormat::ChannelsLast);
    const torch::Tensor y_BCFS = frames_and_places(x_NChw, 3);
    EXPECT_TRUE(at::equal(y_BCFS, x_NChw.reshape({clips, 3, 4, 10}).transpose(1, 2)));
    EXPECT_EQ(y_BCFS.data_ptr(), x_NChw.data_ptr());
    EXPECT_EQ(y_BCFS.suggest_memory_format(), at::MemoryFormat::ChannelsLast);
    const torch::Tensor back = images(y_BCFS, 2, 5);
    EXPECT_TRUE(at::equal(back, x_NChw));
    EXPECT_EQ(back.suggest_memory_format(), at::MemoryFormat::ChannelsLast);
  }
}

TEST(Layers, TemporalConvIsAConv3d) {
  TemporalConv conv(6, 4);
  initialize(*conv, 1);
  torch::NoGradGuard no_grad;
  const torch::Tensor x = tensor::randn({2, 6, 5, 3, 7}, 2);  // B C F h w
  const torch::Tensor wanted =
      at::conv3d(x, conv->weight, conv->bias, 1, torch::IntArrayRef{1, 0, 0});
  EXPECT_TRUE(torch::allclose(conv(x.flatten(3)).view_as(wanted), wanted, 1e-5, 1e-6));
}

TEST(Layers, TransposedConvPutsAPatchAtEachPlace) {
  ConvTranspose2d conv(3, 2, 4);
  initialize(*conv, 1);
  torch::NoGradGuard no_grad;
  const torch::Tensor x = tensor::randn({1, 3, 2, 5}, 2);
  const torch::Tensor y = conv(x);
  ASSERT_EQ(y.sizes(), torch::IntArrayRef({1, 2, 8, 20}));
  const torch::Tensor patch =
      at::einsum("i,iokl->okl", {x.select(2, 1).select(2, 3)[0], conv->weight}) +
      conv->bias.view({-1, 1, 1});
  EXPECT_TRUE(torch::allclose(y[0].slice(1, 4, 8).slice(2, 12, 16), patch, 1e-5, 1e-6));

  // PyTorch counts the output channels and the kernel as the fan-in here: 2 * 16.
  EXPECT_LE(conv->weight.abs().max().item<double>(), 1 / std::sqrt(32.0));
  EXPECT_GT(conv->weight.abs().max().item<double>(), 0.9 / std::sqrt(32.0));
}

// More sequences than one launch of a CUDA kernel takes.
TEST(Layers, AttentionOfManySequencesIsThatOfEach) {
  SelfAttention attention(4, 2);
  initialize(*attention, 1);
  torch::NoGradGuard no_grad;
  const torch::Tensor x_BFSC = tensor::randn({1, 2, 70'000, 4}, 2);
  const torch::Tensor y = attention(x_BFSC, AttentionAxis::kFrames);
  for (const std::int64_t start : {0, 32'760, 65'530, 69'990}) {
    const torch::Tensor part =
        attention(x_BFSC.slice(2, start, start + 10), AttentionAxis::kFrames);
    EXPECT_TRUE(torch::allclose(y.slice(2, start, start + 10), part, 1e-5, 1e-6)) << start;
  }
}

TEST(Layers, InitialValuesDependOnSeedAndNameOnly) {
  ResnetBlock2D a(ResnetBlockConfig{.in_channels = 32, .out_channels = 64, .temb_channels = 8});
  ResnetBlock2D b(ResnetBlockConfig{.in_channels = 32, .out_channels = 64});
  initialize(*a, 7);
  initialize(*b, 7);
  const auto pa = a->named_parameters(), pb = b->named_parameters();
  for (const auto& item : pb) EXPECT_TRUE(torch::equal(item.value(), pa[item.key()])) << item.key();

  // PyTorch's default: uniform within 1/sqrt(fan_in), hence a standard deviation of that over
  // sqrt(3).
  const torch::Tensor& weight = pa["conv2.weight"];
  const double bound = 1 / std::sqrt(64.0 * 9);
  EXPECT_LE(weight.abs().max().item<double>(), bound);
  EXPECT_NEAR(weight.std().item<double>(), bound / std::sqrt(3.0), 0.02 * bound);
  EXPECT_TRUE(torch::equal(pa["norm1.weight"], torch::ones({32})));
}

TEST(Layers, InitialisingAnUnknownModuleIsAnError) {
  test::thrown<Error>([] {
    torch::nn::Linear foreign(2, 2);
    initialize(*foreign, 1);
  });
}

TEST(Attention, IsSoftmaxOfScaledScoresAlongEitherAxis) {
  const std::int64_t B = 2, F = 3, S = 4, C = 8, heads = 2;
  const torch::Tensor q = tensor::randn({B, F, S, C}, 1), k = tensor::randn({B, F, S, C}, 2),
                      v = tensor::randn({B, F, S, C}, 3);
  for (const AttentionAxis axis : {AttentionAxis::kPlaces, AttentionAxis::kFrames}) {
    const torch::Tensor y = multi_head_attention(q, k, v, heads, axis);
    const bool places = axis == AttentionAxis::kPlaces;
    for (std::int64_t b = 0; b < B; ++b) {
      for (std::int64_t other = 0; other < (places ? F : S); ++other) {
        for (std::int64_t h = 0; h < heads; ++h) {
          const auto part = [&](const torch::Tensor& t) {
            return (places ? t[b][other] : t[b].select(1, other)).slice(1, h * 4, h * 4 + 4);
          };
          const torch::Tensor scores = at::softmax(at::matmul(part(q), part(k).t()) / 2.0, 1);
          EXPECT_TRUE(torch::allclose(part(y), at::matmul(scores, part(v)), 1e-4, 1e-5));
        }
      }
    }
  }
}

TEST(Embeddings, SinusoidsFollowTheFormula) {
  const torch::Tensor t = torch::tensor({1.637770, -0.35, 24.0}, torch::kFloat64);
  const torch::Tensor e = sinusoids(t, 6);
  for (std::int64_t i = 0; i < 3; ++i) {
    for (std::int64_t k = 0; k < 3; ++k) {
      const double angle = t[i].item<double>() * std::pow(10000.0, -static_cast<double>(k) / 3);
      EXPECT_NEAR(e[i][k].item<double>(), std::cos(angle), 1e-5);
      EXPECT_NEAR(e[i][k + 3].item<double>(), std::sin(angle), 1e-5);
    }
  }
  EXPECT_EQ(sinusoids(t, 7).sizes(), torch::IntArrayRef({3, 7}));
  EXPECT_EQ(sinusoids(t, 7).slice(1, 6).abs().max().item<double>(), 0);
}

TEST(AlphaBlender, MixesBySigmoidAndCanBeSwitched) {
  const torch::Tensor spatial = torch::ones({2}), temporal = torch::zeros({2});
  AlphaBlender blender(0.5), switched(0.0, true);
  initialize(*blender, 1);
  {
    torch::NoGradGuard no_grad;
    switched->mix_factor.fill_(0.5);
  }
  const double alpha = 1 / (1 + std::exp(-0.5));
  EXPECT_NEAR(blender(spatial, temporal)[0].item<double>(), alpha, 1e-6);
  EXPECT_NEAR(switched(spatial, temporal)[0].item<double>(), 1 - alpha, 1e-6);
}

}  // namespace
}  // namespace vdd::nn
