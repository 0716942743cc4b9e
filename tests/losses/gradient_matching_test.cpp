// SPDX-License-Identifier: Apache-2.0
#include "vdd/losses/gradient_matching.h"

#include <cmath>

#include "decoder_fixture.h"
#include "support/field_count.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::losses {
namespace {

using torch::Tensor;

TEST(GradientMatching, ValuesAndGradientsMatchTheSumOverPairs) {
  const Tensor prediction = reference("prediction"), target = reference("target");
  for (const std::int64_t scales : {1, 3}) {
    for (const auto& [reduction, reduction_name] : names(GradientReduction{})) {
      const GradientMatchingConfig config{.scales = scales, .reduction = reduction};
      for (const auto& [name, mask] :
           {std::pair{"full", Tensor()}, {"masked", reference("mask")}}) {
        expect_reference(
            concat("gradient.", name, ".", scales, ".", reduction_name),
            [&, &m = mask](auto& x) { return gradient_matching_loss(x, target, config, m); },
            prediction);
      }
    }
  }
}

TEST(GradientMatching, AnOffsetCostsNothing) {
  const Tensor target = reference("target");
  EXPECT_LE(gradient_matching_loss(target + 0.5, target, {.scales = 3}).item<double>(), 1e-14);
}

TEST(GradientMatching, NothingValidIsZeroEvenOfNan) {
  const Tensor nan = torch::full({2, 3, 4}, std::nan(""));
  for (const auto reduction : {GradientReduction::kBatch, GradientReduction::kImage}) {
    const auto [value, gradient] = differentiate(
        [&](auto& x) {
          return gradient_matching_loss(x, nan, {.scales = 2, .reduction = reduction},
                                        torch::zeros({2, 3, 4}, torch::kBool));
        },
        nan);
    EXPECT_EQ(value, 0);
    EXPECT_TRUE(gradient.eq(0).all().item<bool>());
  }
}

TEST(GradientMatching, RowsColumnsAndPixelsHaveNoPairsAcross) {
  const Tensor x = torch::tensor({0.0, 0.5, 0.7}, torch::kDouble);
  const Tensor row = x.view({1, 1, 3}), column = x.view({1, 3, 1});
  EXPECT_NEAR(gradient_matching_loss(row, torch::zeros_like(row)).item<double>(), 0.7 / 3, 1e-15);
  EXPECT_NEAR(gradient_matching_loss(column, torch::zeros_like(column)).item<double>(), 0.7 / 3,
              1e-15);
  EXPECT_EQ(gradient_matching_loss(row.slice(2, 0, 1), torch::zeros({1, 1, 1}), {.scales = 3})
                .item<double>(),
            0);
}

TEST(GradientMatching, RefusesShapesThatDoNotFit) {
  const Tensor x = torch::ones({2, 3, 4});
  test::thrown<ShapeError>([&] { gradient_matching_loss(x.unsqueeze(0), x.unsqueeze(0)); });
}

TEST(GradientMatching, EveryFieldIsListed) {
  EXPECT_EQ(test::listed_fields<GradientMatchingConfig>(),
            test::count_members<GradientMatchingConfig>());
}

}  // namespace
}  // namespace vdd::losses
