// SPDX-License-Identifier: Apache-2.0
#include "vdd/nn/recompute.h"

#include <ATen/autocast_mode.h>

#include <algorithm>
#include <array>

namespace vdd::nn {
namespace {

using torch::autograd::AutogradContext;

/// Autocast of this thread as it was at construction, to be put back somewhere else. The cache of
/// cast weights stays off while a block runs: nobody would clear it after the backward pass, and
/// the next step would see the weights of this one.
class AutocastState {
 public:
  AutocastState() {
    for (std::size_t i = 0; i < kDevices.size(); ++i) {
      enabled_[i] = at::autocast::is_autocast_enabled(kDevices[i]);
      dtype_[i] = at::autocast::get_autocast_dtype(kDevices[i]);
    }
    cache_ = at::autocast::is_autocast_cache_enabled();
  }

  void apply(bool cache) const {
    for (std::size_t i = 0; i < kDevices.size(); ++i) {
      at::autocast::set_autocast_enabled(kDevices[i], enabled_[i]);
      at::autocast::set_autocast_dtype(kDevices[i], dtype_[i]);
    }
    at::autocast::set_autocast_cache_enabled(cache);
  }
  void restore() const { apply(cache_); }

 private:
  static constexpr std::array kDevices{at::kCPU, at::kCUDA};
  std::array<bool, kDevices.size()> enabled_;
  std::array<at::ScalarType, kDevices.size()> dtype_;
  bool cache_;
};

/// Sets autocast to `state` without its cache for the life of the object, then to what was before.
class AutocastScope {
 public:
  explicit AutocastScope(const AutocastState& state) { state.apply(/*cache=*/false); }
  ~AutocastScope() { before_.restore(); }
  AutocastScope(const AutocastScope&) = delete;
  AutocastScope& operator=(const AutocastScope&) = delete;

 private:
  AutocastState before_;
};

/// What the backward pass needs besides tensors.
struct Call : torch::CustomClassHolder {
  Block block;
  std::vector<bool> defined;  // one per input of the block
  AutocastState autocast;
};

/// Restores the inputs of the block in full, from the list of those that are defined.
TensorList expand(const Call& call, at::TensorList defined) {
  TensorList inputs(call.defined.size());
  for (std::size_t i = 0, next = 0; i < inputs.size(); ++i) {
    if (call.defined[i]) inputs[i] = defined[next++];
  }
  return inputs;
}

struct Recompute : torch::autograd::Function<Recompute> {
  /// tensors: the defined inputs, then the parameters.
  static TensorList forward(AutogradContext* context, const c10::intrusive_ptr<Call>& call,
                            at::TensorList tensors) {
    context->saved_data["call"] = c10::IValue::make_capsule(call);
    context->save_for_backward(tensors.vec());
    context->set_materialize_grads(false);
    const AutocastScope autocast(call->autocast);
    return call->block(expand(*call, tensors));
  }

  static TensorList backward(AutogradContext* context, const TensorList& grad_outputs) {
    const auto call =
        c10::static_intrusive_pointer_cast<Call>(context->saved_data["call"].toCapsule());
    TensorList tensors = context->get_saved_variables();
    const auto num_inputs =
        static_cast<std::size_t>(std::count(call->defined.begin(), call->defined.end(), true));
    for (std::size_t i = 0; i < num_inputs; ++i) {
      tensors[i] = tensors[i].detach().set_requires_grad(tensors[i].requires_grad());
    }

    const torch::AutoGradMode grad_mode(true);
    TensorList outputs;
    {
      const AutocastScope autocast(call->autocast);
      outputs = call->block(expand(*call, tensors));
    }

    // Only what leads to a gradient takes part.
    TensorList roots, root_grads, leaves;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (!grad_outputs[i].defined() || !outputs[i].requires_grad()) continue;
      roots.push_back(outputs[i]);
      root_grads.push_back(grad_outputs[i]);
    }
    for (const torch::Tensor& tensor : tensors) {
      if (tensor.requires_grad()) leaves.push_back(tensor);
    }
    if (roots.empty()) return TensorList(tensors.size() + 1);
    const TensorList grads =
        torch::autograd::grad(roots, leaves, root_grads, /*retain_graph=*/false,
                              /*create_graph=*/false, /*allow_unused=*/true);

    TensorList result(1);  // for `call`
    std::size_t next = 0;
    for (const torch::Tensor& tensor : tensors) {
      result.push_back(tensor.requires_grad() ? grads[next++] : torch::Tensor());
    }
    return result;
  }
};

}  // namespace

TensorList recompute(Block block, const TensorList& inputs, const TensorList& parameters) {
  const auto call = c10::make_intrusive<Call>();
  call->block = std::move(block);
  TensorList tensors;
  for (const torch::Tensor& input : inputs) {
    call->defined.push_back(input.defined());
    if (input.defined()) tensors.push_back(input);
  }
  tensors.insert(tensors.end(), parameters.begin(), parameters.end());

  const bool differentiable =
      torch::GradMode::is_enabled() &&
      std::any_of(tensors.begin(), tensors.end(), [](const auto& t) { return t.requires_grad(); });
  if (!differentiable) return call->block(inputs);
  return Recompute::apply(call, at::TensorList(tensors));
}

}  // namespace vdd::nn
