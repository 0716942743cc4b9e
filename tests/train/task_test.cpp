// SPDX-License-Identifier: Apache-2.0
#include "vdd/train/task.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "support/thrown.h"
#include "vdd/core/error.h"

namespace vdd::train {
namespace {

using ::testing::HasSubstr;

/// Its gradient passes through half precision, where it is less than the smallest number.
class Faint final : public Task {
 public:
  const optim::Selection& selection() const override { return selection_; }
  std::vector<optim::ParameterGroup> groups() const override { return {}; }
  SampleLoss step(const data::Clip&, std::int64_t) override {
    const torch::Tensor half = weight_.to(torch::kFloat16).to(torch::kFloat32);
    return {.loss = {.total = 1e-9 * half.sum(), .parts = {}}};
  }
  ValidationResult validate(std::int64_t, const run::RunDir&) override { return {}; }
  void save_model(const std::filesystem::path&, std::int64_t) override {}
  void load_model(const std::filesystem::path&) override {}

 private:
  torch::Tensor weight_ = torch::ones({3});
  optim::Selection selection_ = optim::select_parameters({{"weight", weight_}}, {"*"});
};

TEST(Audit, ScalesTheLossAsTheUpdatesDo) {
  Faint task;
  EXPECT_NO_THROW(audit(task, {}, {.compute = "fp16"}));
  EXPECT_THAT(test::thrown<ConfigError>([&] { audit(task, {}); }),
              HasSubstr("weight (trained, but its gradient is exactly zero)"));
}

}  // namespace
}  // namespace vdd::train
