// SPDX-License-Identifier: Apache-2.0
#include "vdd/tensor/meta_device.h"

#include <ATen/ExpandUtils.h>
#include <c10/core/Allocator.h>
#include <torch/library.h>
#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <optional>
#include <tuple>
#include <vector>

#include "vdd/core/error.h"

namespace vdd::tensor {
namespace {

using torch::IntArrayRef;
using torch::Tensor;
using MaybeTensor = std::optional<Tensor>;
using Three = std::tuple<Tensor, Tensor, Tensor>;
using Mask = std::array<bool, 3>;

Tensor like(const Tensor& x) {
  return at::empty_like(x, {}, x.suggest_memory_format());
}
Tensor like_if(bool wanted, const Tensor& x) {
  return wanted ? like(x) : Tensor();
}

/// Chooses channels last if either operand has them last.
at::MemoryFormat convolution_order(const Tensor& input, const Tensor& weight) {
  const auto order = input.suggest_memory_format();
  return order == at::MemoryFormat::Contiguous ? weight.suggest_memory_format() : order;
}

/// A list of one value stands for every axis.
std::int64_t along(IntArrayRef list, std::int64_t axis) {
  return list.size() == 1 ? list[0] : list[static_cast<std::size_t>(axis)];
}

// The kernels below say what the CPU's give back: shape, dtype and memory order.

Tensor convolution(const Tensor& input, const Tensor& weight, const MaybeTensor&,
                   IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation, bool transposed,
                   IntArrayRef output_padding, std::int64_t groups) {
  std::vector<std::int64_t> shape = {input.size(0),
                                     transposed ? weight.size(1) * groups : weight.size(0)};
  for (std::int64_t i = 0; i < input.dim() - 2; ++i) {
    const std::int64_t length = input.size(i + 2) - 1, step = along(stride, i);
    const std::int64_t edge = 2 * along(padding, i) - along(dilation, i) * (weight.size(i + 2) - 1);
    shape.push_back(
        (transposed ? length * step - edge + along(output_padding, i) : (length + edge) / step) +
        1);
  }
  return at::empty(shape, input.options().memory_format(convolution_order(input, weight)));
}

Three convolution_backward(const Tensor& grad, const Tensor& input, const Tensor& weight,
                           at::OptionalIntArrayRef bias_sizes, IntArrayRef, IntArrayRef,
                           IntArrayRef, bool, IntArrayRef, std::int64_t, Mask wanted) {
  const auto order = convolution_order(input, weight);
  return {wanted[0] ? at::empty_like(input, {}, order) : Tensor(),
          wanted[1] ? at::empty_like(weight, {}, order) : Tensor(),
          wanted[2] ? at::empty(*bias_sizes, grad.options()) : Tensor()};
}

Three native_group_norm(const Tensor& x, const MaybeTensor&, const MaybeTensor&, std::int64_t n,
                        std::int64_t, std::int64_t, std::int64_t groups, double) {
  return {like(x), at::empty({n, groups}, x.options()), at::empty({n, groups}, x.options())};
}

Three native_group_norm_backward(const Tensor&, const Tensor& x, const Tensor&, const Tensor&,
                                 const MaybeTensor& weight, std::int64_t, std::int64_t,
                                 std::int64_t, std::int64_t, Mask wanted) {
  return {like_if(wanted[0], x), wanted[1] ? like(*weight) : Tensor(),
          wanted[2] ? like(*weight) : Tensor()};
}

Three native_layer_norm(const Tensor& x, IntArrayRef normalized, const MaybeTensor&,
                        const MaybeTensor&, double) {
  std::vector<std::int64_t> shape = x.sizes().vec();
  std::fill(shape.end() - static_cast<std::ptrdiff_t>(normalized.size()), shape.end(), 1);
  return {at::empty(x.sizes(), x.options()), at::empty(shape, x.options()),
          at::empty(shape, x.options())};
}

Three native_layer_norm_backward(const Tensor&, const Tensor& x, IntArrayRef, const Tensor&,
                                 const Tensor&, const MaybeTensor& weight, const MaybeTensor&,
                                 Mask wanted) {
  return {wanted[0] ? at::empty(x.sizes(), x.options()) : Tensor(),
          wanted[1] ? like(*weight) : Tensor(), wanted[2] ? like(*weight) : Tensor()};
}

Tensor heads_inside(const Tensor& x_NHLD, std::int64_t width) {
  return at::empty({x_NHLD.size(0), x_NHLD.size(2), x_NHLD.size(1), width}, x_NHLD.options())
      .transpose(1, 2);
}

std::tuple<Tensor, Tensor> flash_attention(const Tensor& q, const Tensor&, const Tensor& v, double,
                                           bool, const MaybeTensor&, std::optional<double>) {
  const auto options = q.options().dtype(torch::kFloat32);
  return {heads_inside(q, v.size(-1)),
          at::empty({q.size(0), q.size(2), q.size(1)}, options).transpose(1, 2)};
}

Three flash_attention_backward(const Tensor&, const Tensor& q, const Tensor& k, const Tensor& v,
                               const Tensor&, const Tensor&, double, bool, const MaybeTensor&,
                               std::optional<double>) {
  return {heads_inside(q, q.size(-1)), heads_inside(k, k.size(-1)), heads_inside(v, v.size(-1))};
}

/// Without this the meta device would take the unfused path, and the memory of all scores.
Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, const MaybeTensor& mask,
                 double dropout, bool causal, std::optional<double> scale, bool) {
  return std::get<0>(
      at::_scaled_dot_product_flash_attention_for_cpu(q, k, v, dropout, causal, mask, scale));
}

Tensor reflection_pad2d(const Tensor& x, IntArrayRef padding) {
  std::vector<std::int64_t> shape = x.sizes().vec();
  shape[shape.size() - 1] += padding[0] + padding[1];
  shape[shape.size() - 2] += padding[2] + padding[3];
  return at::empty(shape, x.options());
}

Tensor reflection_pad2d_backward(const Tensor&, const Tensor& x, IntArrayRef) {
  return like(x);
}

Tensor where(const Tensor& condition, const Tensor& yes, const Tensor& no) {
  const auto shape = at::infer_size(at::infer_size(condition.sizes(), yes.sizes()), no.sizes());
  return at::empty(shape, yes.options().dtype(at::result_type(yes, no)));
}

Tensor extreme(const Tensor& x) {
  return at::empty({}, x.options());
}

Tensor relu(const Tensor& x) {
  return like(x);
}

/// Bytes that are alive, kept by the tensors too: they may outlive the MetaDevice.
struct Account {
  std::atomic<std::int64_t> live = 0, peak = 0;

  void add(std::int64_t bytes) {
    const std::int64_t now = live += bytes;
    for (std::int64_t seen = peak; now > seen && !peak.compare_exchange_weak(seen, now);) {
    }
  }
};

struct Entry {
  std::shared_ptr<Account> account;
  std::int64_t bytes;
};

void close_entry(void* pointer) {
  const std::unique_ptr<Entry> entry(static_cast<Entry*>(pointer));
  entry->account->live -= entry->bytes;
}

class CountingAllocator final : public c10::Allocator {
 public:
  explicit CountingAllocator(std::shared_ptr<Account> account) : account_(std::move(account)) {}

  c10::DataPtr allocate(std::size_t size) override {
    const auto bytes = static_cast<std::int64_t>(size);
    account_->add(bytes);
    return {nullptr, new Entry{account_, bytes}, close_entry, c10::Device(c10::kMeta)};
  }
  void copy_data(void*, const void*, std::size_t) const override {}

 private:
  std::shared_ptr<Account> account_;
};

std::atomic<bool> in_use = false;

}  // namespace

struct MetaDevice::State {
  std::shared_ptr<Account> account = std::make_shared<Account>();
  CountingAllocator allocator{account};
  c10::Allocator* before = c10::GetAllocator(c10::kMeta);
  torch::Library kernels = library(c10::DispatchKey::Meta);
  torch::Library above_autograd = library(c10::DispatchKey::AutogradMeta);

  static torch::Library library(c10::DispatchKey key) {
    return {torch::Library::IMPL, "aten", key, __FILE__, __LINE__};
  }
};

MetaDevice::MetaDevice() {
  if (in_use.exchange(true)) throw Error("meta device: in use already");
  state_ = std::make_unique<State>();
  state_->kernels.impl("convolution", TORCH_FN(convolution))
      .impl("convolution_backward", TORCH_FN(convolution_backward))
      .impl("native_group_norm", TORCH_FN(native_group_norm))
      .impl("native_group_norm_backward", TORCH_FN(native_group_norm_backward))
      .impl("native_layer_norm", TORCH_FN(native_layer_norm))
      .impl("native_layer_norm_backward", TORCH_FN(native_layer_norm_backward))
      .impl("_scaled_dot_product_flash_attention_for_cpu", TORCH_FN(flash_attention))
      .impl("_scaled_dot_product_flash_attention_for_cpu_backward",
            TORCH_FN(flash_attention_backward))
      .impl("reflection_pad2d", TORCH_FN(reflection_pad2d))
      .impl("reflection_pad2d_backward", TORCH_FN(reflection_pad2d_backward))
      .impl("where.self", TORCH_FN(where))
      .impl("min", TORCH_FN(extreme))
      .impl("max", TORCH_FN(extreme))
      .impl("relu", TORCH_FN(relu));
  state_->above_autograd.impl("scaled_dot_product_attention", TORCH_FN(attention));
  c10::SetAllocator(c10::kMeta, &state_->allocator);
}

MetaDevice::~MetaDevice() {
  c10::SetAllocator(c10::kMeta, state_->before);
  state_.reset();
  in_use = false;
}

std::int64_t MetaDevice::live_bytes() const {
  return state_->account->live;
}

std::int64_t MetaDevice::peak_bytes() const {
  return state_->account->peak;
}

void MetaDevice::reset_peak() {
  state_->account->peak = state_->account->live.load();
}

}  // namespace vdd::tensor
