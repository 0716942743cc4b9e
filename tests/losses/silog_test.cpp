// SPDX-License-Identifier: Apache-2.0
#include "vdd/losses/silog.h"

#include <cmath>

#include "decoder_fixture.h"
#include "support/field_count.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::losses {
namespace {

using torch::Tensor;

TEST(Silog, ValuesAndGradientsMatchThePrintedFormula) {
  const Tensor prediction = reference("prediction"), target = reference("target");
  for (const auto& [scope, scope_name] : names(SilogScope{})) {
    const SilogConfig config{.scope = scope};
    for (const auto& [name, mask] : {std::pair{"full", Tensor()}, {"masked", reference("mask")}}) {
      expect_reference(
          concat("silog.", name, ".", scope_name),
          [&, &m = mask](auto& x) { return silog_loss(x, target, config, m); }, prediction);
    }
  }
  for (const auto& [name, config] : {std::pair<std::string, SilogConfig>{"lambda0", {.lambda = 0}},
                                     {"eps", {.eps = 1e-5}},
                                     {"unbiased", {.unbiased = true}},
                                     {"min_target", {.min_target = 0.2}}}) {
    expect_reference(
        "silog." + name, [&, &c = config](auto& x) { return silog_loss(x, target, c); },
        prediction);
  }
}

TEST(Silog, AConstantFactorCostsWhatLambdaLeaves) {
  const Tensor target = reference("target");
  const Tensor doubled = 2 * (target + 1e-3) - 1e-3;
  EXPECT_NEAR(silog_loss(doubled, target).item<double>(), 10 * std::sqrt(0.15) * std::log(2), 1e-9);
  EXPECT_NEAR(silog_loss(doubled, target, {.lambda = 1}).item<double>(), 1e-5, 1e-9);
}

TEST(Silog, EqualDisparitiesCostNearlyNothingAndHaveNoGradient) {
  const Tensor target = reference("target").to(torch::kFloat32);
  const auto [value, gradient] =
      differentiate([&](auto& x) { return silog_loss(x, target); }, target);
  EXPECT_NEAR(value, 1e-5, 1e-9);
  EXPECT_TRUE(gradient.eq(0).all().item<bool>());
}

TEST(Silog, NothingValidIsZeroEvenOfNan) {
  const Tensor target = torch::full({2, 3, 4}, std::nan(""));
  for (const auto scope : {SilogScope::kClip, SilogScope::kFrame}) {
    const auto [value, gradient] = differentiate(
        [&](auto& x) {
          return silog_loss(x, target, {.scope = scope}, torch::zeros({2, 3, 4}, torch::kBool));
        },
        target);
    EXPECT_EQ(value, 0);
    EXPECT_TRUE(gradient.eq(0).all().item<bool>());
  }
}

TEST(Silog, MaskedNanDoesNotReachTheRest) {
  Tensor prediction = reference("prediction"), target = reference("target");
  const Tensor mask = reference("mask");
  const double before = silog_loss(prediction, target, {}, mask).item<double>();
  target.masked_fill_(~mask, std::nan(""));
  const auto [value, gradient] =
      differentiate([&](auto& x) { return silog_loss(x, target, {}, mask); }, prediction);
  EXPECT_EQ(value, before);
  EXPECT_TRUE(gradient.isfinite().all().item<bool>());
}

TEST(Silog, ANegativePredictionGetsNoGradientAndZeroABoundedOne) {
  const Tensor target = torch::full({1, 1, 3}, 0.5, torch::kDouble);
  const Tensor prediction = torch::tensor({-0.1, 0.0, 0.4}, torch::kDouble).view({1, 1, 3});
  const Tensor gradient =
      differentiate([&](auto& x) { return silog_loss(x, target); }, prediction).gradient;
  EXPECT_EQ(gradient[0][0][0].item<double>(), 0);
  EXPECT_LE(std::abs(gradient[0][0][1].item<double>()), 10 / 1e-3);
}

TEST(Silog, OnePixelHasNoVarianceByEitherRule) {
  const Tensor one = torch::full({1, 1, 1}, 0.3, torch::kDouble);
  const double expected = 10 * std::sqrt(0.15 * std::pow(std::log(0.301 / 0.101), 2) + 1e-12);
  for (const bool unbiased : {false, true}) {
    EXPECT_NEAR(silog_loss(one, one - 0.2, {.unbiased = unbiased}).item<double>(), expected, 1e-9);
  }
}

TEST(Silog, IsComputedInFloatUnderAutocastAndFromHalf) {
  const Tensor prediction = reference("prediction").to(torch::kFloat16);
  const Tensor target = reference("target").to(torch::kFloat32);
  const Tensor plain = silog_loss(prediction.to(torch::kFloat32), target);
  const Tensor value = under_autocast([&] { return silog_loss(prediction, target); });
  EXPECT_EQ(value.scalar_type(), torch::kFloat32);
  EXPECT_TRUE(value.equal(plain));
}

TEST(Silog, RefusesShapesAndMasksThatDoNotFit) {
  const Tensor x = torch::ones({2, 3, 4});
  EXPECT_EQ(test::thrown<ShapeError>([&] { silog_loss(x, x[0]); }),
            "SILog loss: prediction [2, 3, 4] and target [3, 4] must be one shape [T,H,W]");
  test::thrown<ShapeError>([&] { silog_loss(x, x, {}, x); });
  test::thrown<ShapeError>([&] { silog_loss(x, x, {}, torch::ones({3, 4}, torch::kBool)); });
}

TEST(Silog, EveryFieldIsListed) {
  EXPECT_EQ(test::listed_fields<SilogConfig>(), test::count_members<SilogConfig>());
}

}  // namespace
}  // namespace vdd::losses
