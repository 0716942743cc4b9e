// SPDX-License-Identifier: Apache-2.0
#include "vdd/tensor/device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "support/thrown.h"
#include "vdd/core/error.h"

namespace vdd::tensor {
namespace {

using test::thrown;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Device, OnesThatAreNotThereAreRefused) {
  EXPECT_EQ(parse_device("cpu"), torch::Device(torch::kCPU));
  for (const char* name : {"gpu", "cuda:", "cuda:-1", "cuda:x", "CPU", ""}) {
    EXPECT_THAT(thrown<ConfigError>([&] { parse_device(name); }),
                AllOf(HasSubstr("device: "), Not(HasSubstr("train."))))
        << name;
  }
  EXPECT_THAT(thrown<ConfigError>([&] { parse_device("cuda:99"); }), HasSubstr("not there"));
  if (!torch::cuda::is_available()) {
    EXPECT_THAT(thrown<ConfigError>([&] { parse_device("cuda"); }), HasSubstr("0 CUDA devices"));
  }
}

TEST(Device, TheNumberOfThreadsIsResolved) {
  const int before = at::get_num_threads();
  ComputeConfig config;
  configure_torch(config);
  EXPECT_GT(config.threads, 0);
  EXPECT_EQ(at::get_num_threads(), config.threads);
  config = {.parallel = 1 << 20};
  configure_torch(config);
  EXPECT_EQ(config.threads, 1) << "never less";
  at::set_num_threads(before);
}

}  // namespace
}  // namespace vdd::tensor
