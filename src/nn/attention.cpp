// SPDX-License-Identifier: Apache-2.0
#include "vdd/nn/attention.h"

#include <torch/torch.h>

#include <vector>

namespace vdd::nn {

namespace {

ModuleList<Linear> one_linear(std::int64_t in_features, std::int64_t out_features) {
  ModuleList<Linear> list;
  list->push_back(Linear(in_features, out_features));
  return list;
}

// CUDA's kernels refuse more sequences than a launch has blocks in one direction.
constexpr std::int64_t kMostSequences = 65535;

torch::Tensor attend(const torch::Tensor& q_RHLD, const torch::Tensor& k_RHLD,
                     const torch::Tensor& v_RHLD) {
  const std::int64_t most = kMostSequences / q_RHLD.size(1);  // some count every head
  if (q_RHLD.size(0) <= most) return at::scaled_dot_product_attention(q_RHLD, k_RHLD, v_RHLD);
  const auto q = q_RHLD.split(most), k = k_RHLD.split(most), v = v_RHLD.split(most);
  std::vector<torch::Tensor> parts;
  for (std::size_t i = 0; i < q.size(); ++i) {
    parts.push_back(at::scaled_dot_product_attention(q[i], k[i], v[i]));
  }
  return at::cat(parts);
}

}  // namespace

torch::Tensor multi_head_attention(const torch::Tensor& q, const torch::Tensor& k,
                                   const torch::Tensor& v, std::int64_t heads, AttentionAxis axis) {
  const bool over_frames = axis == AttentionAxis::kFrames;
  // Splits into [R sequences, H heads, L length, D head width].
  const auto split = [&](const torch::Tensor& x_BFSC) {
    const torch::Tensor x_BFSHD = x_BFSC.unflatten(-1, {heads, -1});
    return (over_frames ? x_BFSHD.permute({0, 2, 3, 1, 4}) : x_BFSHD.permute({0, 1, 3, 2, 4}))
        .flatten(0, 1);
  };
  const torch::Tensor y = attend(split(q), split(k), split(v));
  const torch::Tensor y_5d = y.unflatten(0, {q.size(0), -1});
  return (over_frames ? y_5d.permute({0, 3, 1, 2, 4}) : y_5d.permute({0, 1, 3, 2, 4})).flatten(3);
}

SelfAttentionImpl::SelfAttentionImpl(std::int64_t channels, std::int64_t heads)
    : heads_(heads),
      to_q(register_module("to_q", Linear(channels, channels, false))),
      to_k(register_module("to_k", Linear(channels, channels, false))),
      to_v(register_module("to_v", Linear(channels, channels, false))),
      to_out(register_module("to_out", one_linear(channels, channels))) {}

torch::Tensor SelfAttentionImpl::forward(const torch::Tensor& x_BFSC, AttentionAxis axis) {
  return to_out[0](multi_head_attention(to_q(x_BFSC), to_k(x_BFSC), to_v(x_BFSC), heads_, axis));
}

CrossAttentionImpl::CrossAttentionImpl(std::int64_t channels, std::int64_t context_dim)
    : to_q(register_module("to_q", Linear(channels, channels, false))),
      to_k(register_module("to_k", Linear(context_dim, channels, false))),
      to_v(register_module("to_v", Linear(context_dim, channels, false))),
      to_out(register_module("to_out", one_linear(channels, channels))) {}

torch::Tensor CrossAttentionImpl::forward(const torch::Tensor& token_BLD) {
  return to_out[0](to_v(token_BLD)).unsqueeze(2);
}

ImageAttentionImpl::ImageAttentionImpl(std::int64_t channels, double eps)
    : group_norm(register_module("group_norm", GroupNorm(channels, eps))),
      to_q(register_module("to_q", Linear(channels, channels))),
      to_k(register_module("to_k", Linear(channels, channels))),
      to_v(register_module("to_v", Linear(channels, channels))),
      to_out(register_module("to_out", one_linear(channels, channels))) {}

torch::Tensor ImageAttentionImpl::forward(const torch::Tensor& x_NCHW) {
  const torch::Tensor x_NSC = group_norm(x_NCHW).flatten(2).transpose(1, 2);
  const torch::Tensor y_NSC =
      at::scaled_dot_product_attention(to_q(x_NSC).unsqueeze(1), to_k(x_NSC).unsqueeze(1),
                                       to_v(x_NSC).unsqueeze(1))
          .squeeze(1);
  return to_out[0](y_NSC).transpose(1, 2).unflatten(2, x_NCHW.sizes().slice(2)) + x_NCHW;
}

}  // namespace vdd::nn
