// SPDX-License-Identifier: Apache-2.0
#include "vdd/losses/reconstruction.h"

#include <cmath>

#include "decoder_fixture.h"
#include "support/field_count.h"
#include "vdd/core/error.h"

namespace vdd::losses {
namespace {

using torch::Tensor;

TEST(Reconstruction, ErrorsOfAKnownDifference) {
  // The difference is 1 in the left column and 0 elsewhere: one step along x in each of two rows.
  const Tensor target = torch::zeros({1, 1, 2, 3}, torch::kDouble);
  Tensor image = target.clone();
  image.select(3, 0).fill_(1);
  EXPECT_DOUBLE_EQ(value(absolute_error(image, target)), 2.0 / 6);
  EXPECT_DOUBLE_EQ(value(gradient_error(image, target)), 2.0 / 6);
}

TEST(Reconstruction, TheLogarithmWeighsTheFarRange) {
  // Disparity 0.5 for 0.25, in [-1,1]: 0 for -0.5.
  const Tensor target = torch::full({2, 3, 1, 1}, -0.5, torch::kDouble);
  const Tensor image = torch::zeros({2, 3, 1, 1}, torch::kDouble);
  EXPECT_NEAR(value(log_disparity_error(image, target, 0.05)), std::log(0.55 / 0.3), 1e-12);
  // Below the range counts as 0.
  EXPECT_NEAR(value(log_disparity_error(torch::full_like(image, -3), target, 0.05)),
              std::log(0.3 / 0.05), 1e-12);
}

TEST(Reconstruction, TheDivergenceIsThatOfTwoGaussians) {
  const double mean = 0.7, variance = 0.3;
  const Tensor moments = torch::cat({torch::full({1, 2, 1, 1}, mean, torch::kDouble),
                                     torch::full({1, 2, 1, 1}, std::log(variance), torch::kDouble)},
                                    1);
  EXPECT_NEAR(value(kl_divergence(moments)),
              0.5 * (mean * mean + variance - 1 - std::log(variance)), 1e-12);
  EXPECT_EQ(value(kl_divergence(torch::zeros({1, 4, 2, 2}))), 0);
}

TEST(Reconstruction, TheTotalIsTheWeightedSumAndOnlyDisparityHasALogarithm) {
  const Tensor target = torch::rand({4, 3, 4, 4}, torch::kDouble) * 2 - 1;
  const Tensor image = (target + 0.1 * torch::randn_like(target)).requires_grad_();
  const Tensor moments = torch::randn({4, 8, 1, 1}, torch::kDouble);
  const ReconstructionLossConfig config{
      .gradient = 2, .log_disparity = 3, .log_floor = 0.05, .kl = 5};
  const Tensor second_half = torch::tensor({false, false, true, true});
  const LossParts loss = reconstruction_loss(image, target, second_half, moments, config);
  const Tensor expected = absolute_error(image, target) + 2 * gradient_error(image, target) +
                          3 * log_disparity_error(image.slice(0, 2), target.slice(0, 2), 0.05) +
                          5 * kl_divergence(moments);
  EXPECT_NEAR(value(loss.total), value(expected), 1e-12);
  const LossParts none =
      reconstruction_loss(image, target, torch::zeros({4}, torch::kBool), moments, config);
  EXPECT_EQ(value(none.parts[2].second), 0);
}

TEST(Reconstruction, PicturesHaveAWeightOfTheirOwn) {
  const Tensor target = torch::rand({3, 3, 4, 4}, torch::kDouble) * 2 - 1;
  const Tensor image = target + 0.1 * torch::randn_like(target);
  const Tensor moments = torch::zeros({3, 8, 1, 1}, torch::kDouble);
  const Tensor last = torch::tensor({false, false, true});
  const LossParts loss = reconstruction_loss(image, target, last, moments, {.rgb = 0.2});
  const auto of = [&](auto error, std::int64_t first, std::int64_t end) {
    return value(error(image.slice(0, first, end), target.slice(0, first, end)));
  };
  EXPECT_NEAR(value(loss.parts[0].second),
              (0.2 * 2 * of(absolute_error, 0, 2) + of(absolute_error, 2, 3)) / 3, 1e-12);
  EXPECT_NEAR(value(loss.parts[1].second),
              (0.2 * 2 * of(gradient_error, 0, 2) + of(gradient_error, 2, 3)) / 3, 1e-12);
}

TEST(Reconstruction, RefusesShapesThatDiffer) {
  EXPECT_THROW(absolute_error(torch::zeros({1, 3, 2, 2}), torch::zeros({1, 3, 2, 3})), ShapeError);
}

TEST(Reconstruction, ListsEveryField) {
  EXPECT_EQ(test::listed_fields<ReconstructionLossConfig>(),
            test::count_members<ReconstructionLossConfig>());
}

}  // namespace
}  // namespace vdd::losses
