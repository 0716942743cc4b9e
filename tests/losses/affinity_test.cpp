// SPDX-License-Identifier: Apache-2.0
#include "vdd/losses/affinity.h"

#include "decoder_fixture.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::losses {
namespace {

using torch::Tensor;

constexpr double kPositions = 12;  // of the fixture's 3x4 maps

TEST(Affinity, BothFormsMatchTheSumOverPairs) {
  for (const std::string name : {"tall", "wide"}) {
    const Tensor teacher = reference(name + ".teacher");
    for (const auto form : {AffinityForm::kPairwise, AffinityForm::kGram, AffinityForm::kAuto}) {
      expect_reference(
          "affinity." + name,
          [&](auto& x) { return kPositions * affinity_loss(x, teacher, AffinityNorm::kHw, form); },
          reference(name + ".student"));
      expect_reference(
          "affinity." + name,
          [&](auto& x) {
            return kPositions * kPositions * affinity_loss(x, teacher, AffinityNorm::kHw2, form);
          },
          reference(name + ".student"));
    }
  }
}

TEST(Affinity, TheFormIsChosenByItsOperations) {
  EXPECT_FALSE(gram_is_cheaper(597, 256, 512));  // the break-even is 458752 / 768 = 597.3
  EXPECT_TRUE(gram_is_cheaper(598, 256, 512));
}

TEST(Affinity, RotationAndScaleOfTheFeaturesCostNothing) {
  const Tensor teacher = torch::randn({1, 8, 10, 12});
  const Tensor rotation = std::get<0>(torch::linalg_qr(torch::randn({8, 8})));
  const Tensor student = 3 * torch::einsum("ab,tbhw->tahw", {rotation, teacher});
  for (const auto form : {AffinityForm::kPairwise, AffinityForm::kGram}) {
    EXPECT_LE(affinity_loss(student, teacher, AffinityNorm::kHw, form).item<double>(), 1e-9);
  }
}

TEST(Affinity, ATooShortStudentFeatureGetsNoGradient) {
  const Tensor teacher = torch::randn({1, 4, 3, 3});
  Tensor student = torch::randn({1, 5, 3, 3});
  student.select(3, 0).mul_(1e-8);
  student[0].select(1, 1).select(1, 1).zero_();
  for (const auto form : {AffinityForm::kPairwise, AffinityForm::kGram}) {
    const Tensor gradient =
        differentiate([&](auto& x) { return affinity_loss(x, teacher, AffinityNorm::kHw, form); },
                      student)
            .gradient;
    EXPECT_TRUE(gradient.isfinite().all().item<bool>());
    EXPECT_TRUE(gradient.select(3, 0).eq(0).all().item<bool>());
    EXPECT_TRUE(gradient[0].select(1, 1).select(1, 1).eq(0).all().item<bool>());
    EXPECT_GT(gradient.select(3, 2).abs().max().item<double>(), 0);
  }
}

TEST(Affinity, PoolingAveragesOverCellsOfAnySize) {
  for (const auto& [height, width] : {std::pair<std::int64_t, std::int64_t>{3, 4}, {4, 3}}) {
    const Tensor expected = reference(concat("pool.", height, "x", width));
    EXPECT_LE(
        (pool_features(reference("pool.in"), height, width) - expected).abs().max().item<double>(),
        1e-12);
  }
}

TEST(Affinity, IsComputedInFloatUnderAutocast) {
  const Tensor student = reference("tall.student").to(torch::kFloat32);
  const Tensor teacher = reference("tall.teacher").to(torch::kFloat32);
  for (const auto form : {AffinityForm::kPairwise, AffinityForm::kGram}) {
    const auto loss = [&] { return affinity_loss(student, teacher, AffinityNorm::kHw, form); };
    EXPECT_TRUE(under_autocast(loss).equal(loss()));
  }
}

TEST(Affinity, TheTeacherGetsNoGradient) {
  const Tensor student = reference("tall.student").requires_grad_();
  const Tensor teacher = reference("tall.teacher").requires_grad_();
  affinity_loss(student, teacher).backward();
  EXPECT_FALSE(teacher.grad().defined());
}

TEST(Affinity, RefusesMapsOfOtherSizes) {
  const Tensor x = torch::ones({2, 3, 4, 5});
  EXPECT_EQ(test::thrown<ShapeError>([&] {
              affinity_loss(x, torch::ones({2, 7, 5, 4}));
            }),
            "affinity loss: student [2, 3, 4, 5] and teacher [2, 7, 5, 4] must be [T,C,h,w] that "
            "differ in C only");
  test::thrown<ShapeError>([&] { affinity_loss(x[0], x[0]); });
}

}  // namespace
}  // namespace vdd::losses
