// SPDX-License-Identifier: Apache-2.0
#include "vdd/losses/decoder.h"

#include "decoder_fixture.h"
#include "support/field_count.h"
#include "support/thrown.h"
#include "vdd/core/error.h"

namespace vdd::losses {
namespace {

using torch::Tensor;

DecoderLossInputs inputs() {
  return {.prediction_THW = reference("prediction").requires_grad_(),
          .target_THW = reference("target"),
          .mask_THW = reference("mask"),
          .features = {{reference("wide.student").requires_grad_(), reference("wide.teacher")}}};
}

TEST(Decoder, TheTotalIsTheWeightedSumAndReachesBothInputs) {
  const DecoderLossInputs in = inputs();
  const LossParts loss = decoder_loss(in, {});
  loss.total.backward();
  const double affinity = value(reference("affinity.wide")) / 12;
  EXPECT_NEAR(value(loss.total),
              value(reference("silog.masked.clip")) + 0.1 * affinity +
                  2 * value(reference("gradient.masked.1.batch")),
              1e-9);
  EXPECT_LE((in.prediction_THW.grad() - reference("silog.masked.clip.grad") -
             2 * reference("gradient.masked.1.batch.grad"))
                .abs()
                .max()
                .item<double>(),
            1e-9);
  EXPECT_LE((in.features[0].first.grad() - 0.1 / 12 * reference("affinity.wide.grad"))
                .abs()
                .max()
                .item<double>(),
            1e-9);
  ASSERT_EQ(loss.parts.size(), 3);
  EXPECT_EQ(loss.parts[0].first, "silog");
  EXPECT_EQ(loss.parts[1].first, "affinity");
  EXPECT_NEAR(value(loss.parts[1].second), affinity, 1e-9);
  EXPECT_EQ(loss.parts[2].first, "gradient");
  EXPECT_FALSE(loss.parts[0].second.requires_grad());
}

TEST(Decoder, PairsAreWeighted) {
  DecoderLossInputs in = inputs();
  in.features.emplace_back(reference("tall.student"), reference("tall.teacher"));
  DecoderLossConfig config;
  config.affinity.pairs = {{.weight = 2}, {.weight = 3}};
  EXPECT_NEAR(value(decoder_loss(in, config).parts[1].second),
              (2 * value(reference("affinity.wide")) + 3 * value(reference("affinity.tall"))) / 12,
              1e-9);
}

TEST(Decoder, NoPairsAndALatentLossAreOptions) {
  DecoderLossInputs in = inputs();
  in.features.clear();
  in.student_latent_TChw = reference("tall.student");
  in.teacher_latent_TChw = in.student_latent_TChw + 1;
  DecoderLossConfig config;
  config.weights = {.silog = 0, .gradient = 0, .latent = 4};
  config.affinity.pairs.clear();
  const LossParts loss = decoder_loss(in, config);
  EXPECT_NEAR(value(loss.total), 4 * 0.5, 1e-12);  // an offset of 1: half of the mean square
  ASSERT_EQ(loss.parts.size(), 3);
  EXPECT_EQ(loss.parts[2].first, "latent");
}

TEST(Decoder, RefusesAnotherNumberOfPairs) {
  DecoderLossInputs in = inputs();
  in.features.clear();
  EXPECT_EQ(test::thrown<ShapeError>([&] { decoder_loss(in, {}); }),
            "affinity loss: 0 pairs of features, wanted 1");
}

TEST(Decoder, EveryFieldIsListed) {
  EXPECT_EQ(test::listed_fields<DecoderLossConfig>(), test::count_members<DecoderLossConfig>());
  EXPECT_EQ(test::listed_fields<DecoderLossWeights>(), test::count_members<DecoderLossWeights>());
  EXPECT_EQ(test::listed_fields<AffinityConfig>(), test::count_members<AffinityConfig>());
  EXPECT_EQ(test::listed_fields<FeaturePairConfig>(), test::count_members<FeaturePairConfig>());
}

}  // namespace
}  // namespace vdd::losses
