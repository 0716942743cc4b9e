// SPDX-License-Identifier: Apache-2.0
#include "vdd/losses/latent.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "support/field_count.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"
#include "vdd/io/safetensors.h"

namespace vdd::losses {
namespace {

using torch::Tensor;

/// Written by tools/reference/make_train_fixtures.py: loops over single differences, float64.
const io::SafetensorsFile& fixture() {
  static const io::SafetensorsFile file(VDD_FIXTURES "/losses.safetensors");
  return file;
}

Tensor read(const std::string& name) {
  return fixture().get(name).clone();
}

double relative_error(const Tensor& value, const Tensor& expected) {
  return (value - expected).abs().max().item<double>() /
         std::max(1e-300, expected.abs().max().item<double>());
}

using Loss = Tensor (*)(const Tensor&, const Tensor&, LatentReduction);

TEST(Latent, ValuesAndGradientsMatchReference) {
  for (const std::string shape : {"map", "row", "pixel"}) {
    for (const auto& [reduction, reduction_name] : names(LatentReduction{})) {
      for (const auto& [name, loss] : {std::pair<std::string, Loss>{"score", latent_score_loss},
                                       {"gradient", latent_gradient_loss}}) {
        const std::string key = concat(shape, '.', name, '.', reduction_name);
        const Tensor student = read(shape + ".student").requires_grad_();
        const Tensor value = loss(student, read(shape + ".teacher"), reduction);
        value.backward();
        EXPECT_LE(relative_error(value.detach(), read(key)), 1e-12) << key;
        EXPECT_LE(relative_error(student.grad(), read(key + ".grad")), 1e-12) << key;
      }
    }
  }
}

TEST(Latent, TotalIsWeightedByLambda) {
  const Tensor teacher = read("map.teacher");
  for (const double lambda : {0.0, 0.3, 1.0}) {
    const Tensor student = read("map.student").requires_grad_();
    const LossParts loss = latent_loss(student, teacher, {.lambda = lambda});
    loss.total.backward();

    const Tensor expected =
        (1 - lambda) * read("map.score.mean") + lambda * read("map.gradient.mean");
    const Tensor grad =
        (1 - lambda) * read("map.score.mean.grad") + lambda * read("map.gradient.mean.grad");
    EXPECT_LE(relative_error(loss.total.detach(), expected), 1e-12);
    EXPECT_LE(relative_error(student.grad(), grad), 1e-12);
    ASSERT_EQ(loss.parts.size(), 2);
    EXPECT_EQ(loss.parts[0].first, "latent_score");
    EXPECT_EQ(loss.parts[1].first, "latent_gradient");
    EXPECT_FALSE(loss.parts[0].second.requires_grad());
  }
}

TEST(Latent, EqualLatentsCostNothing) {
  const Tensor teacher = read("map.teacher");
  const Tensor student = teacher.clone().requires_grad_();
  const Tensor total = latent_loss(student, teacher, {}).total;
  total.backward();
  EXPECT_EQ(total.item<double>(), 0);
  EXPECT_TRUE(student.grad().eq(0).all().item<bool>());
}

TEST(Latent, HalfPrecisionIsComputedInFloat) {
  const Tensor student = read("map.student").to(torch::kFloat16);
  const Tensor teacher = read("map.teacher").to(torch::kBFloat16);
  const Tensor total = latent_loss(student, teacher, {}).total;
  EXPECT_EQ(total.scalar_type(), torch::kFloat32);
  EXPECT_TRUE(
      total.equal(latent_loss(student.to(torch::kFloat32), teacher.to(torch::kFloat32), {}).total));
}

TEST(Latent, TeacherGetsNoGradient) {
  const Tensor student = read("map.student").requires_grad_();
  const Tensor teacher = read("map.teacher").requires_grad_();
  latent_loss(student, teacher, {}).total.backward();
  EXPECT_FALSE(teacher.grad().defined());
}

TEST(Latent, RefusesOtherShapes) {
  const Tensor student = read("map.student");
  const std::string message =
      test::thrown<ShapeError>([&] { latent_loss(student, student[0], {}); });
  EXPECT_EQ(
      message,
      "latent loss: student [3, 4, 5, 6] and teacher [4, 5, 6] must be one shape [...,C,h,w]");
  test::thrown<ShapeError>([&] { latent_loss(student[0][0], student[0][0], {}); });
}

TEST(Latent, EveryFieldIsListed) {
  EXPECT_EQ(test::listed_fields<LatentLossConfig>(), test::count_members<LatentLossConfig>());
}

}  // namespace
}  // namespace vdd::losses
