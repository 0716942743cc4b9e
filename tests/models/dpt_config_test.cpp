// SPDX-License-Identifier: Apache-2.0
#include "vdd/models/dpt_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/field_count.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/core/validate.h"

namespace vdd::models {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

UNetConfig unet_of(std::vector<std::int64_t> channels) {
  const std::size_t levels = channels.size();
  return {.down_block_types = std::vector(levels, DownBlockType::kPlain),
          .up_block_types = std::vector(levels, UpBlockType::kPlain),
          .block_out_channels = std::move(channels)};
}

TEST(DptConfig, ListsEveryMember) {
  EXPECT_EQ(test::listed_fields<DptConfig>(), test::count_members<DptConfig>());
}

TEST(DptConfig, TheDefaultIsTheLargestHeadOnThePublishedUNet) {
  const DptConfig made = dpt_config("L", UNetConfig{}), config;
  EXPECT_EQ(made.taps, config.taps);
  EXPECT_EQ(made.in_channels, config.in_channels);
  EXPECT_EQ(made.in_strides, config.in_strides);
  EXPECT_EQ(made.out_channels, config.out_channels);
  EXPECT_EQ(made.features, config.features);
  EXPECT_THAT(problems_of(config), IsEmpty());
}

TEST(DptConfig, AUNetOfFewLevelsLendsItsMidBlock) {
  const DptConfig two = dpt_config("tiny", unet_of({32, 64}));
  EXPECT_THAT(two.taps, ElementsAre("up_blocks.1", "up_blocks.0", "mid_block", "mid_block"));
  EXPECT_THAT(two.in_channels, ElementsAre(32, 64, 64, 64));
  EXPECT_THAT(two.in_strides, ElementsAre(8, 8, 16, 16));
  const DptConfig three = dpt_config("S", unet_of({32, 64, 96}));
  EXPECT_THAT(three.taps, ElementsAre("up_blocks.2", "up_blocks.1", "up_blocks.0", "mid_block"));
  EXPECT_THAT(three.in_channels, ElementsAre(32, 64, 96, 96));
  EXPECT_THAT(three.in_strides, ElementsAre(8, 8, 16, 32));
  EXPECT_THAT(test::thrown<ConfigError>([] { dpt_config("S", unet_of({32})); }),
              HasSubstr("no head fits this UNet: in_strides: 8 is not"));
  EXPECT_THAT(test::thrown<ConfigError>([] { dpt_config("XL", UNetConfig{}); }),
              HasSubstr("head variant 'XL' is none of S, B, L, tiny"));
}

TEST(DptConfig, ResizesByFourTwoOneOrHalf) {
  const DptConfig anything{.in_strides = {16, 16, 16, 16}};
  EXPECT_EQ(resize_factor(anything, 0), 4);
  EXPECT_EQ(resize_factor(anything, 1), 2);
  EXPECT_EQ(resize_factor(anything, 2), 1);
  EXPECT_EQ(resize_factor(anything, 3), 0.5);
  const DptConfig odd{.in_strides = {12, 32, 64, 32}};
  EXPECT_EQ(resize_factor(odd, 0), 0);
  EXPECT_THAT(odd.check(), ElementsAre(HasSubstr("in_strides: 12 is not 4, 2, 1 or 1/2 times 4")));
}

TEST(DptConfig, RefusesWhatNoHeadCanBe) {
  EXPECT_THAT(problems_of(DptConfig{.taps = {"mid_block"}}),
              ElementsAre("taps: must have 4 elements, got 1"));
  EXPECT_THAT(problems_of(DptConfig{.out_channels = {8, 8, 48, 64}}),
              ElementsAre("out_channels: 48 is no multiple of 32 on level 2"));
  EXPECT_THAT(problems_of(DptConfig{.features = 48}),
              ElementsAre("features: must be a multiple of 32, got '48'"));
}

TEST(DptConfig, TapsMustBeThoseOfTheUNet) {
  const DptConfig head = dpt_config("tiny", unet_of({32, 64, 64, 64}));
  check_taps(head, unet_of({32, 64, 64, 64}));
  EXPECT_THAT(test::thrown<ConfigError>([&] {
                check_taps(head, unet_of({32, 96, 64, 64}));
              }),
              HasSubstr("the UNet's up_blocks.2 has 96 channels, the head takes 64"));
  EXPECT_THAT(test::thrown<ConfigError>([&] {
                check_taps(head, unet_of({32, 64}));
              }),
              HasSubstr("the UNet has no up_blocks.3"));
}

}  // namespace
}  // namespace vdd::models
