// SPDX-License-Identifier: Apache-2.0
#include "vdd/io/half.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

namespace vdd::io {
namespace {

TEST(Half, ConvertsEveryValueAsLibTorchDoes) {
  std::vector<std::uint16_t> bits(65536 + 5);
  for (std::size_t i = 0; i < bits.size(); ++i) bits[i] = static_cast<std::uint16_t>(i);
  std::vector<float> floats(bits.size());
  floats_from_halves(bits.data(), floats.data(), bits.size());
  const auto n = static_cast<int64_t>(bits.size());
  const auto expected = torch::from_blob(bits.data(), {n}, torch::kHalf).to(torch::kFloat);
  EXPECT_TRUE(torch::allclose(torch::from_blob(floats.data(), {n}), expected, 0, 0, true));
}

}  // namespace
}  // namespace vdd::io
