// SPDX-License-Identifier: Apache-2.0
#include "vdd/tensor/meta_device.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <optional>
#include <vector>

#include "support/thrown.h"
#include "vdd/core/error.h"

namespace vdd::tensor {
namespace {

torch::Tensor make(torch::IntArrayRef shape, torch::Device device) {
  return torch::ones(shape, torch::TensorOptions(device)).requires_grad_();
}

using Results = std::vector<torch::Tensor>;

/// Every kernel this class adds, forward and backward.
Results run_all(torch::Device on) {
  const auto last = at::MemoryFormat::ChannelsLast;
  const torch::Tensor x = make({2, 8, 6, 10}, on), x_last = x.detach().contiguous(last);
  const torch::Tensor w = make({4, 8, 3, 3}, on), u = make({8, 4, 2, 2}, on);
  const torch::Tensor eight = make({8}, on), ten = make({10}, on), q = make({2, 3, 5, 8}, on);
  const Results results = {
      at::conv2d(x, w, make({4}, on), 2, 1),
      at::conv2d(x_last, w, {}, 1, 1),
      at::conv_transpose2d(x, u, {}, 3, 1, 1),
      at::group_norm(x, 2, eight, eight),
      at::group_norm(x_last, 2, eight, eight),
      at::layer_norm(x, {10}, ten, ten),
      at::scaled_dot_product_attention(q, q, q),
      at::reflection_pad2d(x, {1, 2, 3, 0}),
      at::where(x > 0, x, torch::zeros({1}, torch::TensorOptions(on))),
      at::relu(x),
      x.detach().min(),
      x.detach().max(),
  };
  Results all = results;
  for (const torch::Tensor& result : results) {
    const Results inputs = {x, w, u, eight, ten, q};
    if (!result.requires_grad()) continue;
    for (const torch::Tensor& gradient :
         torch::autograd::grad({result.sum()}, inputs, {}, true, false, true)) {
      if (gradient.defined()) all.push_back(gradient);
    }
  }
  return all;
}

TEST(MetaDevice, KernelsGiveTheShapesAndOrdersOfTheCpus) {
  const Results real = run_all(torch::kCPU);
  const MetaDevice meta;
  const Results shapes = run_all(torch::kMeta);
  ASSERT_EQ(shapes.size(), real.size());
  for (std::size_t i = 0; i < real.size(); ++i) {
    EXPECT_EQ(shapes[i].sizes(), real[i].sizes()) << i;
    EXPECT_EQ(shapes[i].dtype(), real[i].dtype()) << i;
    EXPECT_EQ(shapes[i].suggest_memory_format(), real[i].suggest_memory_format()) << i;
  }
}

TEST(MetaDevice, CountsTheBytesOfStoragesOnce) {
  MetaDevice meta;
  const auto options = torch::TensorOptions(torch::kMeta);
  torch::Tensor a = torch::empty({100}, options);
  EXPECT_EQ(meta.live_bytes(), 400);
  const torch::Tensor view = a.view({10, 10}).t();
  EXPECT_EQ(meta.live_bytes(), 400);
  {
    const torch::Tensor half = torch::empty({50}, options.dtype(torch::kFloat16));
    EXPECT_EQ(meta.live_bytes(), 500);
  }
  a.reset();
  EXPECT_EQ(meta.live_bytes(), 400);  // the view holds it
  EXPECT_EQ(meta.peak_bytes(), 500);
  meta.reset_peak();
  EXPECT_EQ(meta.peak_bytes(), 400);
}

TEST(MetaDevice, KnowsWhatABackwardPassKeeps) {
  // y = relu(x w): x, w and the relu's result are kept; the product in between is not.
  MetaDevice meta;
  const torch::Tensor x = make({64, 32}, torch::kMeta), w = make({32, 16}, torch::kMeta);
  const std::int64_t inputs = 4 * (64 * 32 + 32 * 16), result = 4 * 64 * 16;
  ASSERT_EQ(meta.live_bytes(), inputs);
  const torch::Tensor y = at::relu(at::mm(x, w));
  EXPECT_EQ(meta.live_bytes(), inputs + result);
  EXPECT_EQ(meta.peak_bytes(), inputs + 2 * result);
}

TEST(MetaDevice, IsOneAtATimeAndTensorsMayOutliveIt) {
  torch::Tensor left;
  {
    const MetaDevice meta;
    left = torch::empty({8}, torch::TensorOptions(torch::kMeta));
    EXPECT_EQ(test::thrown<Error>([] { const MetaDevice second; }), "meta device: in use already");
  }
  const MetaDevice again;
  EXPECT_EQ(again.live_bytes(), 0);
  left.reset();
  EXPECT_EQ(again.live_bytes(), 0);
}

}  // namespace
}  // namespace vdd::tensor
