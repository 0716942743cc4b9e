// SPDX-License-Identifier: Apache-2.0
#include "vdd/tensor/flop_counter.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <functional>

#include "vdd/tensor/meta_device.h"

namespace vdd::tensor {
namespace {

Flops count(const std::function<void()>& work) {
  const FlopCounter counter;
  work();
  return counter.flops();
}

torch::Tensor values(torch::IntArrayRef shape) {
  return torch::ones(shape);
}

TEST(FlopCounter, ALinearLayerIsOneProductHoweverItIsRun) {
  const std::int64_t wanted = 2 * 30 * 7 * 11;
  for (const bool bias : {false, true}) {
    const Flops flat = count([&] {
      at::linear(values({30, 7}), values({11, 7}), bias ? values({11}) : torch::Tensor());
    });
    EXPECT_EQ(flat.total(), wanted);
    EXPECT_EQ(flat.matmul, wanted);
    const Flops batched = count([&] {
      at::linear(values({5, 6, 7}), values({11, 7}), bias ? values({11}) : torch::Tensor());
    });
    EXPECT_EQ(batched.total(), wanted);
  }
}

TEST(FlopCounter, ProductsOfMatricesAndOfBatches) {
  EXPECT_EQ(count([] { at::mm(values({3, 4}), values({4, 5})); }).total(), 2 * 3 * 4 * 5);
  EXPECT_EQ(count([] {
              at::addmm(values({5}), values({3, 4}), values({4, 5}));
            }).total(),
            2 * 3 * 4 * 5);
  EXPECT_EQ(count([] {
              at::bmm(values({2, 3, 4}), values({2, 4, 5}));
            }).total(),
            2 * 2 * 3 * 4 * 5);
  EXPECT_EQ(count([] {
              at::baddbmm(values({2, 3, 5}), values({2, 3, 4}), values({2, 4, 5}));
            }).total(),
            2 * 2 * 3 * 4 * 5);
  EXPECT_EQ(count([] {
              at::matmul(values({2, 6, 3, 4}), values({4, 5}));
            }).total(),
            2 * 2 * 6 * 3 * 4 * 5);
}

TEST(FlopCounter, ConvolutionsOfEveryForm) {
  // Output places times kernel places times channels in times channels out of a group.
  const torch::Tensor x = values({2, 8, 10, 12});
  EXPECT_EQ(count([&] {
              at::conv2d(x, values({6, 8, 3, 3}), values({6}), 1, 1);
            }).convolution,
            2 * (2 * 10 * 12) * 9 * 8 * 6);
  EXPECT_EQ(count([&] {
              at::conv2d(x, values({6, 8, 3, 3}), {}, 2, 1);
            }).convolution,
            2 * (2 * 5 * 6) * 9 * 8 * 6);
  EXPECT_EQ(count([&] {
              at::conv2d(x, values({12, 2, 3, 3}), {}, torch::IntArrayRef{1, 1},
                         torch::IntArrayRef{1, 1}, 1, 4);
            }).convolution,
            2 * (2 * 10 * 12) * 9 * 2 * 12);
  EXPECT_EQ(count([&] {
              at::conv2d(x, values({6, 8, 3, 3}), {}, torch::IntArrayRef{1, 1},
                         torch::IntArrayRef{0, 0}, 2);
            }).convolution,
            2 * (2 * 6 * 8) * 9 * 8 * 6);
  // Transposed: every input place meets the whole kernel.
  EXPECT_EQ(count([&] {
              at::conv_transpose2d(x, values({8, 6, 4, 4}), {}, 4);
            }).convolution,
            2 * (2 * 10 * 12) * 16 * 8 * 6);
  EXPECT_EQ(count([&] {
              at::conv_transpose2d(x, values({8, 3, 2, 2}), {}, 2, 0, 0, 2);
            }).convolution,
            2 * (2 * 10 * 12) * 4 * 8 * 3);
  EXPECT_EQ(count([] {
              at::conv1d(values({2, 4, 9}), values({5, 4, 3}));
            }).convolution,
            2 * (2 * 7) * 3 * 4 * 5);
  EXPECT_EQ(count([] {
              at::conv3d(values({1, 4, 5, 6, 7}), values({3, 4, 3, 1, 1}), {}, 1,
                         torch::IntArrayRef{1, 0, 0});
            }).convolution,
            2 * (5 * 6 * 7) * 3 * 4 * 3);
  EXPECT_EQ(count([&] { at::conv2d(x, values({6, 8, 3, 3})); }).matmul, 0);
}

TEST(FlopCounter, AttentionIsTwoProductsFusedOrNot) {
  const std::int64_t pairs = 2 * 3 * 5 * 7;  // batch, heads, queries, keys
  const auto attend = [] {
    at::scaled_dot_product_attention(values({2, 3, 5, 8}), values({2, 3, 7, 8}),
                                     values({2, 3, 7, 8}));
  };
  const Flops fused = count(attend);
  EXPECT_EQ(fused.attention, 2 * pairs * (8 + 8));
  EXPECT_EQ(fused.matmul, 0);
  at::globalContext().setSDPUseFlash(false);
  const Flops plain = count(attend);
  at::globalContext().setSDPUseFlash(true);
  EXPECT_EQ(plain.matmul, 2 * pairs * (8 + 8));
  EXPECT_EQ(plain.attention, 0);
}

TEST(FlopCounter, ABackwardPassCostsOneProductForEachGradient) {
  const std::int64_t forward = 2 * 30 * 7 * 11;
  const auto both = [](bool input, bool weight) {
    const torch::Tensor x = values({30, 7}).requires_grad_(input);
    const torch::Tensor w = values({11, 7}).requires_grad_(weight);
    at::linear(x, w).sum().backward();
  };
  EXPECT_EQ(count([&] { both(true, true); }).total(), 3 * forward);
  EXPECT_EQ(count([&] { both(false, true); }).total(), 2 * forward);

  const std::int64_t map = 2 * (2 * 10 * 12) * 9 * 8 * 6;
  const auto convolve = [](bool input) {
    const torch::Tensor x = values({2, 8, 10, 12}).requires_grad_(input);
    at::conv2d(x, values({6, 8, 3, 3}).requires_grad_(), {}, 1, 1).sum().backward();
  };
  EXPECT_EQ(count([&] { convolve(true); }).total(), 3 * map);
  EXPECT_EQ(count([&] { convolve(false); }).total(), 2 * map);
}

TEST(FlopCounter, SeesOnlyWhatRunsInItsScope) {
  const auto product = [] { at::mm(values({3, 4}), values({4, 5})); };
  product();
  const FlopCounter outer;
  product();
  EXPECT_EQ(count(product).total(), 2 * 3 * 4 * 5);
  EXPECT_EQ(outer.flops().total(), 2 * 2 * 3 * 4 * 5);
}

TEST(FlopCounter, CountsShapesWithoutDataLikeRealTensors) {
  const auto work = [](torch::Device device) {
    const auto on = [&](torch::IntArrayRef shape) {
      return torch::empty(shape, torch::TensorOptions(device).requires_grad(true));
    };
    const torch::Tensor map = at::conv2d(on({2, 8, 10, 12}), on({6, 8, 3, 3}), on({6}), 2, 1);
    const torch::Tensor wide = at::conv_transpose2d(map, on({6, 3, 2, 2}), on({3}), 2);
    const torch::Tensor tokens = at::linear(wide.flatten(2), on({16, 120}), on({16}));
    const torch::Tensor heads = tokens.unflatten(-1, {2, 8}).transpose(1, 2);
    at::scaled_dot_product_attention(heads, heads, heads).sum().backward();
  };
  const Flops real = count([&] { work(torch::kCPU); });
  const MetaDevice meta;
  const Flops shapes = count([&] { work(torch::kMeta); });
  EXPECT_EQ(shapes.matmul, real.matmul);
  EXPECT_EQ(shapes.convolution, real.convolution);
  EXPECT_EQ(shapes.attention, real.attention);
  EXPECT_GT(real.attention, 0);
}

}  // namespace
}  // namespace vdd::tensor
