// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/torch.h>

#include <cstddef>
#include <functional>
#include <tuple>
#include <utility>
#include <vector>

// Gradient checkpointing: a block keeps its inputs only and runs a second time in the backward
// pass. Outputs are the same bits as without. So are gradients, except that a tensor which the
// block uses in several places gets the sum over the block first and then the rest, which may round
// differently. The block must be a pure function of its inputs and parameters (no dropout, no
// state). Source: Chen et al., "Training Deep Nets with Sublinear Memory Cost", arXiv 1604.06174.
namespace vdd::nn {

using TensorList = std::vector<torch::Tensor>;
using Block = std::function<TensorList(const TensorList& inputs)>;

/// Computes block(inputs). Gradients flow to those inputs and `parameters` that require one; any of
/// the inputs may be undefined, or an integer tensor, or need no gradient. `block` is kept until
/// the backward pass and must not refer to anything that ends before. Autocast is in the backward
/// pass as it was in the forward pass. Without grad mode it is a plain call. Throws c10::Error in
/// the backward pass if an input or parameter has been changed in place, or in a second backward
/// pass.
TensorList recompute(Block block, const TensorList& inputs, const TensorList& parameters);

namespace internal {

inline void collect(TensorList& list, const torch::Tensor& x) {
  list.push_back(x);
}
inline void collect(TensorList&, const auto&) {}
inline torch::Tensor forget(const torch::Tensor&) {
  return {};
}
inline auto forget(const auto& x) {
  return x;
}
inline torch::Tensor restore(const torch::Tensor&, const TensorList& inputs, std::size_t& next) {
  return inputs.at(next++);
}
inline auto restore(const auto& x, const TensorList&, std::size_t&) {
  return x;
}

}  // namespace internal

/// Computes `block(args...)` by way of recompute(), for a module whose forward takes tensors and
/// plain values (kept by copy) and returns one tensor. Example: h_NCHW = recompute(resnet, h_NCHW,
/// temb_NE, num_frames);
template <typename Module, typename... Args>
torch::Tensor recompute(const torch::nn::ModuleHolder<Module>& block, const Args&... args) {
  TensorList inputs;
  (internal::collect(inputs, args), ...);
  const auto run = [module = block.ptr(), kept = std::tuple(internal::forget(args)...)](
                       const TensorList& given) -> TensorList {
    std::size_t next = 0;
    return {std::apply(
        [&](const auto&... arg) {
          // Braces evaluate from left to right, as restore() counts.
          std::tuple restored{internal::restore(arg, given, next)...};
          return std::apply([&](const auto&... a) { return module->forward(a...); }, restored);
        },
        kept)};
  };
  return recompute(run, inputs, block->parameters()).front();
}

}  // namespace vdd::nn
