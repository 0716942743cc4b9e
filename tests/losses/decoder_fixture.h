// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <functional>
#include <string>

#include "vdd/io/safetensors.h"

namespace vdd::losses {

/// Written by tools/reference/make_metric_fixtures.py: the printed formulas, float64.
inline torch::Tensor reference(const std::string& name) {
  static const io::SafetensorsFile file(VDD_FIXTURES "/decoder_losses.safetensors");
  return file.get(name).clone();
}

inline double value(const torch::Tensor& x) {
  return x.item<double>();
}

struct Differentiated {
  double value;
  torch::Tensor gradient;
};

inline Differentiated differentiate(const std::function<torch::Tensor(const torch::Tensor&)>& loss,
                                    const torch::Tensor& x) {
  const torch::Tensor leaf = x.clone().requires_grad_();
  const torch::Tensor value = loss(leaf);
  value.backward();
  return {value.item<double>(), leaf.grad()};
}

/// Value and gradient of `loss` at `x` are those stored as `name`: in float64 to 1e-9, in float32
/// to 1e-5.
inline void expect_reference(const std::string& name,
                             const std::function<torch::Tensor(const torch::Tensor&)>& loss,
                             const torch::Tensor& x) {
  const auto expected = reference(name).item<double>();
  const torch::Tensor gradient = reference(name + ".grad");
  for (const auto type : {torch::kFloat64, torch::kFloat32}) {
    const double tolerance = type == torch::kFloat64 ? 1e-9 : 1e-5;
    const Differentiated ours = differentiate(loss, x.to(type));
    EXPECT_EQ(ours.gradient.scalar_type(), type) << name;
    EXPECT_NEAR(ours.value, expected, tolerance * std::max(1.0, expected)) << name;
    EXPECT_LE((ours.gradient - gradient).abs().max().item<double>(),
              tolerance * std::max(1.0, gradient.abs().max().item<double>()))
        << name;
  }
}

/// What `loss` gives under bf16 autocast; half of the test is that it is on.
inline torch::Tensor under_autocast(const std::function<torch::Tensor()>& loss) {
  at::autocast::set_autocast_enabled(torch::kCPU, true);
  at::autocast::set_autocast_dtype(torch::kCPU, torch::kBFloat16);
  const torch::Tensor probe = torch::ones({2, 2}).mm(torch::ones({2, 2}));
  const torch::Tensor value = loss();
  at::autocast::set_autocast_enabled(torch::kCPU, false);
  EXPECT_EQ(probe.scalar_type(), torch::kBFloat16);
  return value;
}

}  // namespace vdd::losses
