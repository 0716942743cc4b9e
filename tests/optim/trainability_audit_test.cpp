// SPDX-License-Identifier: Apache-2.0
#include "vdd/optim/trainability_audit.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "support/thrown.h"
#include "vdd/core/error.h"

namespace vdd::optim {
namespace {

using torch::Tensor;

/// x + out(relu(in(x))), as in a residual branch, with a layer that nothing uses.
struct Branch {
  Branch() {
    torch::manual_seed(0);
    for (const std::string name :
         {"in.weight", "in.bias", "out.weight", "out.bias", "idle.weight"}) {
      values.emplace_back(name, name.ends_with("bias") ? torch::zeros({4}) : torch::randn({4, 4}));
    }
  }
  Tensor& operator[](std::size_t i) { return values[i].second; }
  Tensor loss(double factor = 1) const {
    const Tensor x = torch::arange(12.0).reshape({3, 4}) / 12;
    const Tensor h = torch::relu(torch::linear(x, values[0].second, values[1].second));
    return (x + torch::linear(h, values[2].second, values[3].second)).square().mean() * factor;
  }
  TrainabilityAudit audit(const std::vector<std::string>& patterns, double factor = 1) const {
    const Selection selection = select_parameters(values, patterns);
    return audit_trainability(selection, [this, factor] { return loss(factor); });
  }

  tensor::NamedTensors values;
};

std::vector<Trainability> verdicts(const TrainabilityAudit& audit) {
  std::vector<Trainability> out;
  for (const auto& entry : audit.entries) out.push_back(entry.verdict);
  return out;
}

using enum Trainability;

TEST(TrainabilityAudit, PassesWhereGradientsFlow) {
  const Branch branch;
  const TrainabilityAudit audit = branch.audit({"*", "!idle"});
  EXPECT_EQ(verdicts(audit), (std::vector{kFlows, kFlows, kFlows, kFlows, kFrozen}));
  EXPECT_NO_THROW(audit.require_passed());
  for (const auto& [name, value] : branch.values) EXPECT_FALSE(value.grad().defined()) << name;
}

TEST(TrainabilityAudit, TrainedTensorThatNothingUses) {
  const TrainabilityAudit audit = Branch().audit({"*"});
  EXPECT_EQ(audit.entries[4].verdict, kNoGradient);
  EXPECT_FALSE(audit.passed());
  EXPECT_EQ(test::thrown<ConfigError>([&] { audit.require_passed(); }),
            "audit: idle.weight (trained, but no gradient reaches it)");
}

TEST(TrainabilityAudit, LayerOfZerosExplainsWhatIsBehindIt) {
  Branch branch;
  branch[2].data().zero_();
  const TrainabilityAudit audit = branch.audit({"*", "!idle"});
  EXPECT_EQ(verdicts(audit), (std::vector{kBehindZero, kBehindZero, kFlows, kFlows, kFrozen}));
  EXPECT_EQ(audit.zero_layers, std::vector<std::string>{"out.weight"});
  EXPECT_TRUE(audit.passed());
  EXPECT_NE(audit.table().find("in.bias: trained, waits for a layer of zeros"), std::string::npos);
  EXPECT_TRUE(branch[2].eq(0).all().item<bool>()) << "put back";
  EXPECT_FALSE(branch[2].grad().defined());
}

TEST(TrainabilityAudit, FrozenLayerOfZerosExplainsToo) {
  Branch branch;
  branch[2].data().zero_();
  EXPECT_EQ(verdicts(branch.audit({"in"})),
            (std::vector{kBehindZero, kBehindZero, kFrozen, kFrozen, kFrozen}));
}

TEST(TrainabilityAudit, ZeroGradientThatNothingExplains) {
  Branch branch;
  branch[1].data().fill_(-100);  // every ReLU is shut
  const TrainabilityAudit audit = branch.audit({"*", "!idle"});
  EXPECT_EQ(verdicts(audit),
            (std::vector{kZeroGradient, kZeroGradient, kZeroGradient, kFlows, kFrozen}));
  branch[4].data().zero_();  // zeros elsewhere are no excuse
  EXPECT_FALSE(branch.audit({"*", "!idle"}).passed());
}

TEST(TrainabilityAudit, NonFiniteGradient) {
  const TrainabilityAudit audit =
      Branch().audit({"*", "!idle"}, std::numeric_limits<double>::infinity());
  EXPECT_EQ(audit.entries[0].verdict, kNonFinite);
  EXPECT_FALSE(audit.passed());
}

TEST(TrainabilityAudit, FrozenTensorWithGradient) {
  Branch branch;
  const Selection selection = select_parameters(branch.values, {"*", "!idle", "!out"});
  branch[2].requires_grad_(true);  // someone thaws it after the selection
  const TrainabilityAudit audit = audit_trainability(selection, [&] { return branch.loss(); });
  EXPECT_EQ(verdicts(audit), (std::vector{kFlows, kFlows, kFrozenGradient, kFrozen, kFrozen}));
  EXPECT_EQ(test::thrown<ConfigError>([&] { audit.require_passed(); }),
            "audit: out.weight (frozen, but gets a gradient)");
}

/// A weight whose gradient, `slope` everywhere, passes through half precision as under autocast.
struct HalfWeight {
  TrainabilityAudit audit(double slope, const std::string& compute) const {
    const auto loss = [&] { return weight.to(torch::kFloat16).to(torch::kFloat32).sum() * slope; };
    return audit_trainability(select_parameters({{"in.weight", weight}}, {"*"}), loss,
                              LossScaler({.compute = compute}));
  }
  Tensor weight = torch::ones({4, 4});
};

TEST(TrainabilityAudit, AGradientTooSmallForHalfPrecisionFlowsThroughTheLossScale) {
  const HalfWeight half;  // whose smallest number is 6e-8
  EXPECT_EQ(verdicts(half.audit(1e-9, "bf16")), std::vector{kZeroGradient});
  const TrainabilityAudit audit = half.audit(1e-9, "fp16");
  EXPECT_EQ(verdicts(audit), std::vector{kFlows});
  EXPECT_NEAR(audit.entries[0].gradient, 1e-9, 1e-12);
}

TEST(TrainabilityAudit, AScaleThatMakesGradientsOverflowIsLowered) {
  const HalfWeight half;  // whose largest number is 65504
  const TrainabilityAudit audit = half.audit(10, "fp16");
  EXPECT_EQ(verdicts(audit), std::vector{kFlows});
  EXPECT_EQ(audit.entries[0].gradient, 10);
  EXPECT_EQ(verdicts(half.audit(1e6, "fp16")), std::vector{kNonFinite}) << "without a scale too";
  EXPECT_FALSE(half.weight.grad().defined());
}

TEST(TrainabilityAudit, RefusesLeftoverGradients) {
  Branch branch;
  const Selection selection = select_parameters(branch.values, {"*", "!idle"});
  branch.loss().backward();
  EXPECT_EQ(
      test::thrown<Error>([&] { audit_trainability(selection, [&] { return branch.loss(); }); }),
      "audit: in.weight has a gradient already");
}

}  // namespace
}  // namespace vdd::optim
