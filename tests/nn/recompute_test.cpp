// SPDX-License-Identifier: Apache-2.0
#include "vdd/nn/recompute.h"

#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>

namespace vdd::nn {
namespace {

using torch::Tensor;

/// The shape of a residual block: normalisation, two convolutions, an optional second input.
class ToyBlockImpl : public torch::nn::Module {
 public:
  ToyBlockImpl() {
    norm = register_module("norm", torch::nn::GroupNorm(2, 4));
    first =
        register_module("first", torch::nn::Conv2d(torch::nn::Conv2dOptions(4, 6, 3).padding(1)));
    embed = register_module("embed", torch::nn::Linear(5, 6));
    second =
        register_module("second", torch::nn::Conv2d(torch::nn::Conv2dOptions(6, 4, 3).padding(1)));
  }

  Tensor forward(const Tensor& x, const Tensor& temb, int64_t repeats) {
    ++calls;
    Tensor h = first(torch::silu(norm(x)));
    if (temb.defined()) h = h + embed(temb).unsqueeze(-1).unsqueeze(-1);
    h = second(torch::silu(h));
    dtype = h.scalar_type();
    return x + h * static_cast<double>(repeats);
  }

  torch::nn::GroupNorm norm{nullptr};
  torch::nn::Conv2d first{nullptr}, second{nullptr};
  torch::nn::Linear embed{nullptr};
  int calls = 0;
  torch::Dtype dtype = torch::kFloat32;  // of the last call's convolution
};
TORCH_MODULE(ToyBlock);

struct Toy {
  Toy() {
    torch::manual_seed(0);
    block = ToyBlock();
    x = torch::randn({2, 4, 5, 3}).requires_grad_();
    temb = torch::randn({2, 5}).requires_grad_();
  }
  TensorList leaves() const {
    TensorList all = block->parameters();
    all.insert(all.end(), {x, temb});
    return all;
  }

  ToyBlock block{nullptr};
  Tensor x, temb;
};

TensorList gradients(const Tensor& output, const TensorList& leaves) {
  return torch::autograd::grad({output.square().sum()}, leaves, {}, /*retain_graph=*/false,
                               /*create_graph=*/false, /*allow_unused=*/true);
}

bool same_bits(const TensorList& a, const TensorList& b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](auto& x, auto& y) {
           return x.defined() == y.defined() && (!x.defined() || x.equal(y));
         });
}

TEST(Recompute, OutputAndGradientsAreTheSameBits) {
  Toy s;
  const Tensor direct = s.block(s.x, s.temb, 3);
  const Tensor again = recompute(s.block, s.x, s.temb, 3);
  EXPECT_TRUE(direct.equal(again));
  EXPECT_TRUE(same_bits(gradients(direct, s.leaves()), gradients(again, s.leaves())));
}

TEST(Recompute, BackwardFillsGradOfParameters) {
  Toy s;
  s.block(s.x, s.temb, 1).square().sum().backward();
  TensorList expected;
  for (const Tensor& leaf : s.leaves()) {
    expected.push_back(leaf.grad());
    leaf.mutable_grad().reset();
  }
  recompute(s.block, s.x, s.temb, 1).square().sum().backward();
  TensorList grads;
  for (const Tensor& leaf : s.leaves()) grads.push_back(leaf.grad());
  EXPECT_TRUE(same_bits(grads, expected));
}

TEST(Recompute, RunsTwiceWithGradientOnceWithout) {
  Toy s;
  const Tensor output = recompute(s.block, s.x, s.temb, 1);
  EXPECT_EQ(s.block->calls, 1);
  output.sum().backward();
  EXPECT_EQ(s.block->calls, 2);

  const torch::NoGradGuard no_grad;
  EXPECT_TRUE(recompute(s.block, s.x, s.temb, 1).equal(output));
  EXPECT_EQ(s.block->calls, 3);
}

TEST(Recompute, KeepsOnlyTheInputs) {
  Toy s;
  Tensor output = recompute(s.block, s.x, s.temb, 1);
  // One node stands between the output and the leaves.
  for (const auto& edge : output.grad_fn()->next_edges()) {
    EXPECT_TRUE(!edge.is_valid() || edge.function->name() == "torch::autograd::AccumulateGrad");
  }
}

TEST(Recompute, UndefinedInputAndFrozenParts) {
  Toy s;
  const Tensor x = s.x.detach();
  s.block->first->weight.requires_grad_(false);
  const Tensor direct = s.block(x, Tensor(), 1);
  const Tensor again = recompute(s.block, x, Tensor(), 1);
  EXPECT_TRUE(direct.equal(again));

  const TensorList leaves = {s.block->norm->weight, s.block->second->weight,
                             s.block->embed->weight};
  const TensorList grads = gradients(again, leaves);
  EXPECT_TRUE(same_bits(grads, gradients(direct, leaves)));
  EXPECT_TRUE(grads[0].defined());
  EXPECT_FALSE(grads[2].defined()) << "not used without temb";

  recompute(s.block, x, Tensor(), 1).sum().backward();
  EXPECT_FALSE(s.block->first->weight.grad().defined());
}

TEST(Recompute, NothingToDifferentiateIsAPlainCall) {
  Toy s;
  for (const Tensor& parameter : s.block->parameters()) parameter.requires_grad_(false);
  EXPECT_FALSE(recompute(s.block, s.x.detach(), Tensor(), 1).requires_grad());
}

/// bf16 autocast on the CPU for a scope.
struct Bf16 {
  Bf16() {
    at::autocast::set_autocast_dtype(at::kCPU, torch::kBFloat16);
    at::autocast::set_autocast_enabled(at::kCPU, true);
  }
  ~Bf16() {
    at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(at::kCPU, false);
  }
};

TEST(Recompute, AutocastOfTheForwardPassIsPutBack) {
  Toy s;
  Tensor direct, again;
  {
    const Bf16 autocast;
    direct = s.block(s.x, s.temb, 1);
    again = recompute(s.block, s.x, s.temb, 1);
  }
  EXPECT_TRUE(direct.equal(again));
  const TensorList expected = gradients(direct, s.leaves());
  s.block->dtype = torch::kFloat32;
  EXPECT_TRUE(same_bits(gradients(again, s.leaves()), expected));
  EXPECT_EQ(s.block->dtype, torch::kBFloat16) << "in the second run";
  EXPECT_FALSE(at::autocast::is_autocast_enabled(at::kCPU));
  EXPECT_TRUE(at::autocast::is_autocast_cache_enabled());
}

TEST(Recompute, LeavesNoCastWeightsBehind) {
  // The second run is outside of any scope that would clear them: the next step must see new
  // weights.
  Toy s;
  Tensor output;
  {
    const Bf16 autocast;
    output = recompute(s.block, s.x, s.temb, 1);
  }
  output.sum().backward();
  for (const Tensor& parameter : s.block->parameters()) parameter.data().mul_(2);

  const auto forward = [&] {
    const Bf16 autocast;
    return s.block(s.x, s.temb, 1);
  };
  const Tensor first = forward();
  EXPECT_TRUE(first.equal(forward()));
}

TEST(Recompute, GraphCanBeRetained) {
  Toy s;
  const Tensor sum = recompute(s.block, s.x, s.temb, 1).sum();
  sum.backward({}, /*retain_graph=*/true);
  const Tensor once = s.x.grad().clone();
  sum.backward();
  EXPECT_TRUE(s.x.grad().equal(2 * once));
  EXPECT_THROW(sum.backward(), c10::Error);
}

TEST(Recompute, Nests) {
  Toy s;
  const ToyBlock inner = s.block;
  const Block outer = [inner](const TensorList& in) {
    return TensorList{recompute(inner, torch::tanh(in[0]), in[1], 2)};
  };
  const Tensor direct = s.block(torch::tanh(s.x), s.temb, 2);
  const Tensor again = recompute(outer, {s.x, s.temb}, s.block->parameters()).front();
  EXPECT_TRUE(same_bits(gradients(direct, s.leaves()), gradients(again, s.leaves())));
}

TEST(Recompute, SeveralOutputsOfWhichOneIsUsed) {
  const Tensor a = torch::randn({3}).requires_grad_(), b = torch::randn({3}).requires_grad_();
  const Block block = [](const TensorList& in) -> TensorList { return {in[0] * 2, in[1].exp()}; };
  const TensorList outputs = recompute(block, {a, b}, {});
  const TensorList grads = gradients(outputs[1], {a, b});
  EXPECT_FALSE(grads[0].defined());
  EXPECT_TRUE(grads[1].equal(2 * b.exp() * b.exp()));
}

TEST(Recompute, InputMadeFromAnotherInput) {
  const Tensor a = torch::randn({3}).requires_grad_();
  const Block block = [](const TensorList& in) -> TensorList { return {in[0] * in[1]}; };
  const Tensor output = recompute(block, {a, 2 * a}, {}).front();
  output.sum().backward();
  EXPECT_TRUE(a.grad().allclose(4 * a));
}

TEST(Recompute, RefusesInputsThatChanged) {
  Toy s;
  const Tensor x = s.x.detach().clone();
  const Tensor output = recompute(s.block, x, s.temb, 1);
  torch::Tensor(x).add_(1);
  EXPECT_THROW(output.sum().backward(), c10::Error);
}

TEST(Recompute, GradientCheckInDouble) {
  Toy s;
  s.block->to(torch::kFloat64);
  const Tensor x = s.x.detach().to(torch::kFloat64).requires_grad_();
  const Tensor temb = s.temb.detach().to(torch::kFloat64).requires_grad_();
  const auto loss = [&] { return recompute(s.block, x, temb, 2).pow(3).sum(); };
  TensorList leaves = s.block->parameters();
  leaves.insert(leaves.end(), {x, temb});
  const TensorList grads = torch::autograd::grad({loss()}, leaves);

  constexpr double kStep = 1e-5;
  const torch::NoGradGuard no_grad;
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    const Tensor direction = torch::randn_like(leaves[i]);
    leaves[i].add_(direction, kStep);
    const double above = loss().item<double>();
    leaves[i].sub_(direction, 2 * kStep);
    const double below = loss().item<double>();
    leaves[i].add_(direction, kStep);
    const double slope = (above - below) / (2 * kStep);
    EXPECT_NEAR((grads[i] * direction).sum().item<double>(), slope,
                1e-6 * std::max(1.0, std::abs(slope)))
        << i;
  }
}

}  // namespace
}  // namespace vdd::nn
