// SPDX-License-Identifier: Apache-2.0
#include "vdd/eval/figure.h"

#include <gtest/gtest.h>

#include "eval/make_sets.h"
#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/io/colormap.h"
#include "vdd/io/image.h"

namespace vdd::eval {
namespace {

Protocol protocol() {
  Protocol p{.name = "small@1", .about = ""};
  p.data.layout = DataLayout::kSintel;
  p.alignment.max_depth = 1000;
  return p;
}

/// The rows of pixels from `top` on, without the labels at the left.
std::vector<std::uint8_t> row(const io::Image8& image, int row_number) {
  std::vector<std::uint8_t> pixels;
  const int left = image.width - (test::kWidth + 2) * 2 + 2, top = row_number * (test::kHeight + 2);
  for (int y = top; y < top + test::kHeight; ++y) {
    const std::uint8_t* line = image.row(y);
    pixels.insert(pixels.end(), line + 3 * left, line + 3 * image.width);
  }
  return pixels;
}

TEST(Figure, AFittedAffineMapOfTheTruthLooksLikeTheTruth) {
  const test::TempDir data, out;
  test::write_sintel(data.path());
  std::vector<Method> methods;
  methods.push_back({"truth", truth_as_predictions()});
  methods.push_back({"flat", predictions_of([](const torch::Tensor& rgb_T3HW) {
                       return torch::ones_like(rgb_T3HW.select(1, 0));
                     })});
  const auto files = draw_figures(data.path(), protocol(), methods, out.path(), {.columns = 2});
  ASSERT_EQ(files.size(), 1u);
  EXPECT_EQ(files[0], out / "alley_2.png");
  const io::Image8 image = io::read_rgb(files[0]);
  ASSERT_EQ(image.height, 4 * (test::kHeight + 2) - 2);
  // Below the sky, which is no truth and darkest there.
  const auto truth = row(image, 1), fitted = row(image, 2), flat = row(image, 3);
  std::size_t unlike = 0, unlike_flat = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    unlike += std::abs(truth[i] - fitted[i]) > 2;
    unlike_flat += std::abs(truth[i] - flat[i]) > 2;
  }
  EXPECT_LT(static_cast<double>(unlike) / static_cast<double>(truth.size()),
            1.05 * test::kHoles / test::kHeight);
  EXPECT_GT(static_cast<double>(unlike_flat) / static_cast<double>(truth.size()), 0.5);
}

TEST(Figure, MissingDataIsRefusedAndLeavesNothing) {
  const test::TempDir data, out;
  test::write_sintel(data.path());
  Protocol p = protocol();
  p.sequences = {"market_5"};
  EXPECT_THROW(draw_figures(data.path(), p, {}, out.path()), DataError);
  EXPECT_TRUE(out.names().empty());
}

}  // namespace
}  // namespace vdd::eval
