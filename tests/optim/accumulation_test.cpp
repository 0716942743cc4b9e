// SPDX-License-Identifier: Apache-2.0
#include "vdd/optim/accumulation.h"

#include <gtest/gtest.h>

#include <limits>

#include "optim/train_fixture.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::optim {
namespace {

using test::fixture;
using test::start;
using torch::Tensor;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// A loss whose gradient is that of the fixture's step, times `factor`.
Tensor loss_of_step(const tensor::NamedTensors& parameters, int64_t step, double factor = 1) {
  Tensor loss = torch::zeros({});
  for (const auto& [name, parameter] : parameters) {
    loss = loss + (parameter * fixture(concat("grad.", step, '.', name)) * factor).sum();
  }
  return loss;
}

/// Optimizer, scaler and window over one set of parameters.
struct Trainee {
  explicit Trainee(double clip_norm = 0, const std::string& compute = "fp32")
      : optimizer({{"all", start(), 1e-2}}, {}),
        scaler({.compute = compute, .initial_scale = 4096}),
        window(optimizer, scaler, clip_norm) {}

  const tensor::NamedTensors& parameters() const { return optimizer.parameters(); }

  Optimizer optimizer;
  LossScaler scaler;
  Accumulation window;
};

void expect_same(const tensor::NamedTensors& a, const tensor::NamedTensors& b) {
  for (std::size_t i = 0; i < a.size(); ++i)
    EXPECT_TRUE(a[i].second.equal(b[i].second)) << a[i].first;
}

TEST(Accumulation, ClippedUpdatesMatchTorchOptim) {
  Trainee trainee(/*clip_norm=*/3);
  const Tensor norms = fixture("clipped.norms");
  for (int64_t step = 1; step <= 6; ++step) {
    trainee.window.add(loss_of_step(trainee.parameters(), step));
    const UpdateReport report = trainee.window.update(1.0 / static_cast<double>(step));
    EXPECT_NEAR(report.grad_norm, norms[step - 1].item<double>(), 1e-5);
    for (const auto& [name, parameter] : trainee.parameters()) {
      const Tensor expected = fixture(concat("clipped.", step, '.', name));
      EXPECT_LE((parameter.detach() - expected).abs().max().item<float>(), 1e-6)
          << step << ' ' << name;
    }
  }
}

TEST(Accumulation, GradientIsTheMeanOverTheWindow) {
  // Windows of 4 and, at the end, 3 samples, against one pass over the mean.
  for (const std::string compute : {"fp32", "fp16"}) {
    for (const int64_t size : {4, 3, 1}) {
      Trainee summed(0, compute), mean;
      Tensor total = torch::zeros({});
      for (int64_t k = 1; k <= size; ++k) {
        summed.window.add(loss_of_step(summed.parameters(), k));
        total = total + loss_of_step(mean.parameters(), k) / static_cast<double>(size);
      }
      EXPECT_EQ(summed.window.samples(), size);
      mean.window.add(total);

      const UpdateReport report = summed.window.update(1), expected = mean.window.update(1);
      EXPECT_EQ(report.samples, size);
      EXPECT_NEAR(report.grad_norm / expected.grad_norm, 1, 1e-6);
      const auto state = summed.optimizer.state(), wanted = mean.optimizer.state();
      for (std::size_t i = 0; i < state.size(); ++i) {
        EXPECT_TRUE(torch::allclose(state[i].second, wanted[i].second, 1e-5, 1e-9))
            << state[i].first;
      }
    }
  }
}

TEST(Accumulation, BatchesWeighByTheirSamples) {
  Trainee batches, singles;
  batches.window.add(
      (loss_of_step(batches.parameters(), 1) + loss_of_step(batches.parameters(), 2)) / 2, 2);
  batches.window.add(loss_of_step(batches.parameters(), 3), 1);
  for (int64_t k = 1; k <= 3; ++k) singles.window.add(loss_of_step(singles.parameters(), k));
  EXPECT_NEAR(batches.window.update(1).grad_norm, singles.window.update(1).grad_norm, 1e-5);
}

TEST(Accumulation, NonFiniteGradientChangesNothing) {
  Trainee trainee(1);
  trainee.window.add(loss_of_step(trainee.parameters(), 1));
  trainee.window.update(1);
  tensor::NamedTensors before, state = trainee.optimizer.state();
  for (const auto* list : {&trainee.parameters(), &std::as_const(state)}) {
    for (const auto& [name, value] : *list) before.emplace_back(name, value.detach().clone());
  }

  trainee.window.add(loss_of_step(trainee.parameters(), 2));
  trainee.parameters()[1].second.grad()[2][1] = std::numeric_limits<float>::quiet_NaN();
  trainee.parameters()[2].second.grad()[0][0][0][0] = kInfinity;
  EXPECT_EQ(test::thrown<NonFiniteError>([&] { trainee.window.update(1); }),
            "gradient of linear.weight: 1 of 15 values are not finite, the first at [2,1]");

  tensor::NamedTensors after(trainee.parameters());
  after.insert(after.end(), state.begin(), state.end());
  expect_same(after, before);
  EXPECT_EQ(trainee.optimizer.updates(), 1);

  trainee.window.discard();
  EXPECT_FALSE(trainee.parameters()[0].second.grad().defined());
  test::thrown<Error>([&] { trainee.window.update(1); });
}

TEST(Accumulation, NonFiniteLossIsRefusedBeforeTheBackwardPass) {
  Trainee trainee;
  const Tensor loss = loss_of_step(trainee.parameters(), 1) * kInfinity;
  test::thrown<NonFiniteError>([&] { trainee.window.add(loss); });
  EXPECT_FALSE(trainee.parameters()[0].second.grad().defined());
}

TEST(Accumulation, OverflowSkipsTheUpdateAndLowersTheScale) {
  Trainee trainee(1, "fp16");
  const tensor::NamedTensors before = start();
  // Finite by itself, but not times the scale.
  trainee.window.add(loss_of_step(trainee.parameters(), 1, 1e33));
  const UpdateReport report = trainee.window.update(1);
  EXPECT_TRUE(report.skipped);
  EXPECT_EQ(report.loss_scale, 4096);
  EXPECT_EQ(trainee.scaler.scale(), 2048);
  EXPECT_EQ(trainee.optimizer.updates(), 0);
  expect_same(trainee.parameters(), before);

  trainee.window.add(loss_of_step(trainee.parameters(), 1));
  EXPECT_FALSE(trainee.window.update(1).skipped);
  EXPECT_EQ(trainee.optimizer.updates(), 1);
}

TEST(GradientNorm, SameBitsOnRepeat) {
  torch::manual_seed(0);
  tensor::NamedTensors parameters;
  for (int64_t i = 0; i < 20; ++i) {
    Tensor x = torch::zeros({1000 + 377 * i}).requires_grad_();
    x.mutable_grad() = torch::randn_like(x);
    parameters.emplace_back(concat(i), x);
  }
  const double norm = gradient_norm(parameters);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(gradient_norm(parameters), norm);

  double squares = 0;
  for (const auto& [name, x] : parameters)
    squares += x.grad().to(torch::kFloat64).square().sum().item<double>();
  EXPECT_NEAR(norm / std::sqrt(squares), 1, 1e-6);
}

}  // namespace
}  // namespace vdd::optim
