// SPDX-License-Identifier: Apache-2.0
#include "vdd/tensor/random.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

namespace vdd::tensor {
namespace {

// Python: torch.randn(shape, generator=torch.Generator().manual_seed(seed)).flatten()[:4]
TEST(Random, DrawsWhatPythonDraws) {
  const struct {
    std::uint64_t seed;
    std::vector<int64_t> shape;
    std::vector<float> start;
  } cases[] = {
      {42, {5}, {0.336690366F, 0.128809407F, 0.234462366F, 0.23033303F}},
      {7, {3, 4, 5}, {-0.820134521F, 0.395631164F, 0.898908496F, -1.38840389F}},
      {INT64_MAX, {17}, {-2.66429758F, -0.876585186F, -1.64603913F, -0.538258553F}},
  };
  for (const auto& [seed, shape, start] : cases) {
    const torch::Tensor drawn = randn(shape, seed);
    EXPECT_EQ(drawn.sizes(), torch::IntArrayRef(shape));
    EXPECT_TRUE(torch::allclose(drawn.flatten().slice(0, 0, 4), torch::tensor(start), 1e-6, 1e-6))
        << seed;
  }
}

TEST(Random, DependsOnNothingButTheSeed) {
  const torch::Tensor first = randn({100}, 1);
  torch::manual_seed(5);
  torch::rand({10});
  EXPECT_TRUE(torch::equal(first, randn({100}, 1)));
  EXPECT_FALSE(torch::equal(first, randn({100}, 2)));
  EXPECT_TRUE(torch::equal(first, torch::randn({100}, make_generator(1))));
}

}  // namespace
}  // namespace vdd::tensor
