// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <limits>
#include <string>

#include "vdd/io/safetensors.h"

namespace vdd::test {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// A tensor that tools/reference/make_metric_fixtures.py wrote.
inline torch::Tensor fixture(const std::string& name) {
  static const io::SafetensorsFile file(VDD_FIXTURES "/metrics.safetensors");
  return file.get(name).clone();
}

/// A tensor that tools/reference/make_eval_fixtures.py wrote.
inline torch::Tensor eval_fixture(const std::string& name) {
  static const io::SafetensorsFile file(VDD_FIXTURES "/eval.safetensors");
  return file.get(name).clone();
}

/// Within `tolerance` of the larger of 1 and the expected value, everywhere.
inline void expect_close(const torch::Tensor& actual, const torch::Tensor& expected,
                         double tolerance) {
  ASSERT_EQ(actual.sizes(), expected.sizes());
  const torch::Tensor error = (actual - expected).abs() / expected.abs().clamp_min(1);
  EXPECT_LE(error.max().item<double>(), tolerance);
}

}  // namespace vdd::test
