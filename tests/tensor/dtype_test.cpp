// SPDX-License-Identifier: Apache-2.0
#include "vdd/tensor/dtype.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <limits>

#include "support/thrown.h"
#include "vdd/core/error.h"

namespace vdd::tensor {
namespace {

TEST(Dtype, NamesReadBack) {
  for (const auto dtype : {torch::kFloat32, torch::kFloat16, torch::kBFloat16}) {
    EXPECT_EQ(parse_dtype(dtype_name(dtype)), dtype);
  }
  EXPECT_EQ(parse_dtype("bfloat16"), torch::kBFloat16);
  EXPECT_EQ(test::thrown<ConfigError>([] { parse_dtype("fp8"); }),
            "dtype 'fp8' is none of fp32, fp16, bf16");
}

TEST(Dtype, AllFiniteSeesEveryPosition) {
  for (const auto dtype : {torch::kFloat64, torch::kFloat32, torch::kFloat16, torch::kBFloat16}) {
    const torch::Tensor good = torch::linspace(-1e4, 1e4, 10'000).to(dtype);
    EXPECT_TRUE(all_finite(good));
    for (const double value :
         {std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(),
          std::numeric_limits<double>::quiet_NaN()}) {
      for (const int64_t position : {0, 4095, 4096, 9999}) {
        torch::Tensor bad = good.clone();
        bad[position] = value;
        EXPECT_FALSE(all_finite(bad)) << dtype << ' ' << value << ' ' << position;
      }
    }
  }
}

TEST(Dtype, ExtremeNumbersAreFinite) {
  EXPECT_TRUE(all_finite(torch::tensor({65504.0, -65504.0, 5.96e-8, 0.0}).to(torch::kFloat16)));
  EXPECT_TRUE(all_finite(torch::full({3}, std::numeric_limits<float>::max())));
  EXPECT_TRUE(all_finite(torch::full({3}, std::numeric_limits<float>::denorm_min())));
  EXPECT_TRUE(all_finite(torch::full({3}, -1, torch::kInt64)));  // all bits set
  EXPECT_TRUE(all_finite(torch::empty({0})));
}

}  // namespace
}  // namespace vdd::tensor
