// SPDX-License-Identifier: Apache-2.0
#include "vdd/tensor/flop_counter.h"

#include <ATen/record_function.h>
#include <torch/types.h>

#include <map>
#include <memory>
#include <mutex>
#include <string_view>

namespace vdd::tensor {
namespace {

using Inputs = c10::ArrayRef<const c10::IValue>;

std::int64_t matmul_flops(const torch::Tensor& a, const torch::Tensor& b) {
  return 2 * a.numel() * b.size(-1);
}

/// Counts one pass over the weight per output element, or per input element if transposed.
std::int64_t convolution_flops(const torch::Tensor& input, const torch::Tensor& weight,
                               std::int64_t output_numel, bool transposed) {
  const std::int64_t per_element = weight.numel() / weight.size(0);
  return 2 * (transposed ? input.numel() : output_numel) * per_element;
}

/// A list of one value stands for every axis.
std::int64_t along(const std::vector<std::int64_t>& list, std::int64_t axis) {
  return list.size() == 1 ? list[0] : list[static_cast<std::size_t>(axis)];
}

std::int64_t output_numel(const torch::Tensor& input, const torch::Tensor& weight,
                          const std::vector<std::int64_t>& stride,
                          const std::vector<std::int64_t>& padding,
                          const std::vector<std::int64_t>& dilation) {
  std::int64_t numel = input.size(0) * weight.size(0);
  for (std::int64_t i = 0; i < input.dim() - 2; ++i) {
    const std::int64_t reach = along(dilation, i) * (weight.size(i + 2) - 1) + 1;
    numel *= (input.size(i + 2) + 2 * along(padding, i) - reach) / along(stride, i) + 1;
  }
  return numel;
}

/// Counts `products` of size queries x keys: with the query width, and with the value width.
std::int64_t attention_flops(const torch::Tensor& q, const torch::Tensor& k, const torch::Tensor& v,
                             std::int64_t query_products, std::int64_t value_products) {
  const std::int64_t pairs = q.numel() / q.size(-1) * k.size(-2);
  return 2 * pairs * (query_products * q.size(-1) + value_products * v.size(-1));
}

Flops of_mm(Inputs in) {
  return {.matmul = matmul_flops(in[0].toTensor(), in[1].toTensor())};
}
Flops of_addmm(Inputs in) {
  return {.matmul = matmul_flops(in[1].toTensor(), in[2].toTensor())};
}
Flops of_convolution(Inputs in) {
  const torch::Tensor &input = in[0].toTensor(), &weight = in[1].toTensor();
  const bool transposed = in[6].toBool();
  const std::int64_t numel = transposed ? 0
                                        : output_numel(input, weight, in[3].toIntVector(),
                                                       in[4].toIntVector(), in[5].toIntVector());
  return {.convolution = convolution_flops(input, weight, numel, transposed)};
}
Flops of_convolution_backward(Inputs in) {
  const auto wanted = in[10].toBoolList();  // gradients of input, weight, bias
  return {.convolution = (std::int64_t{wanted[0]} + std::int64_t{wanted[1]}) *
                         convolution_flops(in[1].toTensor(), in[2].toTensor(),
                                           in[0].toTensor().numel(), in[7].toBool())};
}
Flops of_attention(Inputs in) {
  return {.attention = attention_flops(in[0].toTensor(), in[1].toTensor(), in[2].toTensor(), 1, 1)};
}
/// Counts the scores once more, then the gradients of scores, values, queries and keys.
Flops of_attention_backward(Inputs in) {
  return {.attention = attention_flops(in[1].toTensor(), in[2].toTensor(), in[3].toTensor(), 3, 2)};
}

using Rule = Flops (*)(Inputs);

/// Finds the rule of an operator by its name. Only operators that do the work themselves, or whose
/// inner ones are left out by the depth below: `linear` and `conv2d` end in these.
Rule rule_of(std::string_view name) {
  static const std::map<std::string_view, Rule> rules = {
      {"aten::mm", of_mm},
      {"aten::bmm", of_mm},
      {"aten::addmm", of_addmm},
      {"aten::baddbmm", of_addmm},
      {"aten::_addmm_activation", of_addmm},
      {"aten::convolution", of_convolution},
      {"aten::convolution_backward", of_convolution_backward},
      {"aten::_scaled_dot_product_flash_attention_for_cpu", of_attention},
      {"aten::_scaled_dot_product_flash_attention", of_attention},
      {"aten::_scaled_dot_product_efficient_attention", of_attention},
      {"aten::_scaled_dot_product_cudnn_attention", of_attention},
      {"aten::_scaled_dot_product_fused_attention_overrideable", of_attention},
      {"aten::_scaled_dot_product_flash_attention_for_cpu_backward", of_attention_backward},
      {"aten::_scaled_dot_product_flash_attention_backward", of_attention_backward},
      {"aten::_scaled_dot_product_efficient_attention_backward", of_attention_backward},
      {"aten::_scaled_dot_product_cudnn_attention_backward", of_attention_backward},
      {"aten::_scaled_dot_product_fused_attention_overrideable_backward", of_attention_backward}};
  const auto it = rules.find(name);
  return it == rules.end() ? nullptr : it->second;
}

std::mutex mutex;  // guards the three below
Flops sum;         // of everything that was counted in this process
int counters = 0;
at::CallbackHandle callback = 0;
thread_local int depth = 0;  // of counted operators that run inside one another

struct Counted final : at::ObserverContext {};

std::unique_ptr<at::ObserverContext> enter(const at::RecordFunction& function) {
  const Rule rule = rule_of(function.name());
  if (rule == nullptr) return nullptr;
  if (depth++ == 0) {
    const Flops flops = rule(function.inputs());
    const std::lock_guard lock(mutex);
    sum += flops;
  }
  return std::make_unique<Counted>();
}

void leave(const at::RecordFunction&, at::ObserverContext* context) {
  if (context != nullptr) --depth;
}

}  // namespace

Flops& Flops::operator+=(const Flops& other) {
  matmul += other.matmul;
  convolution += other.convolution;
  attention += other.attention;
  return *this;
}

FlopCounter::FlopCounter() {
  const std::lock_guard lock(mutex);
  if (counters++ == 0) {
    callback = at::addGlobalCallback(at::RecordFunctionCallback(enter, leave)
                                         .needsInputs(true)
                                         .scopes({at::RecordScope::FUNCTION}));
  }
  before_ = sum;
}

FlopCounter::~FlopCounter() {
  const std::lock_guard lock(mutex);
  if (--counters == 0) at::removeCallback(callback);
}

Flops FlopCounter::flops() const {
  const std::lock_guard lock(mutex);
  return {.matmul = sum.matmul - before_.matmul,
          .convolution = sum.convolution - before_.convolution,
          .attention = sum.attention - before_.attention};
}

}  // namespace vdd::tensor
