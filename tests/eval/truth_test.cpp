// SPDX-License-Identifier: Apache-2.0
#include "truth.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "eval/make_sets.h"
#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"

namespace vdd::eval {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class ChosenFrames : public testing::Test {
 protected:
  ChosenFrames() {
    test::write_sintel(dir_.path());
    protocol_.data.layout = DataLayout::kSintel;
  }
  std::vector<Chosen> chosen(bool partial) {
    return choose(open_data_set(dir_.path(), protocol_.data), dir_.path(), protocol_, partial,
                  missing_);
  }
  const test::TempDir dir_;
  Protocol protocol_{.name = "small@1", .about = ""};
  std::vector<std::string> missing_;
};

TEST_F(ChosenFrames, AreThoseOfTheProtocol) {
  protocol_.first = 1, protocol_.step = 2;
  const auto sequences = chosen(false);
  ASSERT_EQ(sequences.size(), 1u);
  EXPECT_EQ(sequences[0].sequence->name(), "alley_2");
  EXPECT_THAT(sequences[0].frames, ElementsAre(1, 3));
}

TEST_F(ChosenFrames, WithPartialTheRestIsNoted) {
  protocol_.sequences = {"alley_2", "market_5"};
  EXPECT_THAT(test::thrown<DataError>([&] { chosen(false); }), HasSubstr("--partial"));
  missing_.clear();
  EXPECT_EQ(chosen(true).size(), 1u);
  EXPECT_THAT(missing_, ElementsAre("market_5"));
}

TEST_F(ChosenFrames, WhereThereIsNothingPartialIsNoAdvice) {
  protocol_.sequences = {"market_5"};
  EXPECT_THAT(test::thrown<DataError>([&] { chosen(true); }),
              testing::AllOf(HasSubstr("market_5"), Not(HasSubstr("--partial"))));
}

TEST_F(ChosenFrames, APatternThatFitsNothingIsMissing) {
  protocol_.sequences = {"alley_?", "market_*"};
  EXPECT_EQ(chosen(true).size(), 1u);
  EXPECT_THAT(missing_, ElementsAre("market_*"));
}

TEST_F(ChosenFrames, DepthIsFittedByItsOwnKind) {
  auto sequences = chosen(false);
  std::vector<std::string> unusable;
  const Truth truth =
      read_truth(*sequences[0].sequence, protocol_, false, sequences[0].frames, unusable);
  const torch::Tensor depth = truth.depth_THW.to(torch::kDouble);
  const auto close = [&](const metrics::Aligned& fitted) {
    return torch::allclose(fitted.depth_THW.masked_select(fitted.valid_THW),
                           depth.masked_select(fitted.valid_THW), 1e-5, 1e-5);
  };
  EXPECT_TRUE(close(fit_to_truth(2 * depth + 1, PredictionKind::kDepth, truth, protocol_)));
  EXPECT_TRUE(close(fit_to_truth(2 / depth + 1, PredictionKind::kDisparity, truth, protocol_)));
  EXPECT_FALSE(close(fit_to_truth(2 * depth + 1, PredictionKind::kDisparity, truth, protocol_)));
}

}  // namespace
}  // namespace vdd::eval
