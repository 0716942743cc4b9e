// SPDX-License-Identifier: Apache-2.0
#include "vdd/pipeline/windows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "support/thrown.h"
#include "vdd/core/error.h"

namespace vdd::pipeline {
namespace {

using testing::ElementsAre;

/// Frame i is told the number i.
Conditioning numbered(std::int64_t start, std::int64_t end) {
  const torch::Tensor i = torch::arange(start, end, torch::kFloat32);
  return {i.view({-1, 1, 1, 1}), i.view({-1, 1})};
}

std::vector<float> values(const torch::Tensor& x) {
  const torch::Tensor flat = x.contiguous();
  return {flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel()};
}

TEST(Windows, FramesComeAsSoonAsNoLaterWindowChangesThem) {
  std::vector<float> done;
  std::vector<std::int64_t> windows;
  WindowStream stream(
      11, 4, 3,  // windows of four frames start at every frame, so that four blend
      [&](const Window& window) {
        windows.push_back(window.index);
        EXPECT_EQ(window.before_T.defined(), window.index > 0);
        return window.conditioning.image_embeds_TD;
      },
      [&](const torch::Tensor& part) {
        for (const float x : values(part)) done.push_back(x);
      });
  for (std::int64_t i = 0; i < 11; ++i) {
    stream.push(numbered(i, i + 1));
    EXPECT_EQ(std::ssize(done), i < 3 ? 0 : i == 10 ? 11 : i - 2);
  }
  EXPECT_THAT(done, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
  EXPECT_EQ(std::ssize(windows), WindowStream::count(11, 4, 3));
  test::thrown<ShapeError>([&] { stream.push(numbered(11, 12)); });
}

TEST(Windows, SharedFramesFadeFromTheOlderToTheNewerWindow) {
  std::vector<float> done;
  WindowStream stream(
      7, 5, 3,
      [](const Window& w) { return torch::full_like(w.conditioning.image_embeds_TD, w.index); },
      [&](const torch::Tensor& part) {
        for (const float x : values(part)) done.push_back(x);
      });
  stream.push(numbered(0, 7));
  EXPECT_THAT(done, ElementsAre(0, 0, 0, 0.5, 1, 1, 1));
}

TEST(Windows, TheLastWindowMayBeShort) {
  std::vector<std::int64_t> lengths;
  WindowStream stream(
      12, 5, 1,
      [&](const Window& w) {
        lengths.push_back(w.conditioning.frames());
        return w.conditioning.image_embeds_TD;
      },
      [](const torch::Tensor&) {});
  stream.push(numbered(0, 12));
  EXPECT_THAT(lengths, ElementsAre(5, 5, 4));
}

TEST(Windows, CountIsThatOfTheStarts) {
  for (const std::int64_t overlap : {0, 1, 3}) {
    for (std::int64_t total = 1; total < 20; ++total) {
      std::int64_t starts = 0;
      for (std::int64_t start = 0; start < total - (total <= 4 ? 0 : overlap); start += 4 - overlap)
        if (total > 4 || start == 0) ++starts;
      EXPECT_EQ(WindowStream::count(total, 4, overlap), starts) << total << ' ' << overlap;
    }
  }
}

TEST(Windows, ASeamIsTheDifferenceOfTwoWindowsOverTheSpread) {
  WindowStream stream(
      6, 4, 2, [](const Window& w) { return w.conditioning.image_embeds_TD + 3 * w.index; },
      [](const torch::Tensor&) {});
  stream.push(numbered(0, 6));
  // Frames 2 and 3: standard deviation 1/2, three apart.
  ASSERT_EQ(stream.seams().size(), 1u);
  EXPECT_NEAR(stream.seams()[0], 3 / 0.5, 1e-6);
}

TEST(Windows, OverlapIsSmallerThanTheWindow) {
  const auto make = [](std::int64_t overlap) { WindowStream(9, 4, overlap, {}, {}); };
  test::thrown<ConfigError>([&] { make(4); });
  test::thrown<ConfigError>([&] { make(-1); });
}

}  // namespace
}  // namespace vdd::pipeline
