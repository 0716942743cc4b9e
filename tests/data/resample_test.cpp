// SPDX-License-Identifier: Apache-2.0
// The fixtures come from tools/reference/make_io_fixtures.py: OpenCV's resize of float pictures,
// ml-hypersim's tone mapping.
#include "resample.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "hypersim_tone.h"
#include "vdd/io/hdf5.h"

namespace vdd::data {
namespace {

std::filesystem::path fixture(const std::string& name) {
  return std::filesystem::path(VDD_FIXTURES) / "io" / name;
}

/// Grey levels [H,W,3] that resize_rgb makes of the fixture picture.
torch::Tensor resized(const Geometry& g) {
  const io::Image8 rgb = io::read_rgb(fixture("rgb.png"));
  auto planes = torch::empty({3, g.out_height, g.out_width});
  resize_rgb(rgb, g, planes.data_ptr<float>());
  return ((planes + 1) * 127.5).permute({1, 2, 0});
}

Geometry stretch(int height, int width) {
  return {.in_height = 37,
          .in_width = 53,
          .out_height = height,
          .out_width = width,
          .scale_x = width / 53.0,
          .scale_y = height / 37.0};
}

TEST(Resample, ReducesByAreaMeansAsOpenCvDoes) {
  EXPECT_TRUE(
      torch::allclose(resized(stretch(19, 31)), io::read_hdf5(fixture("area.hdf5")), 0, 1e-3));
}

TEST(Resample, EnlargesBilinearlyAsOpenCvDoes) {
  EXPECT_TRUE(torch::allclose(resized(stretch(3 * 37, 2 * 53)),
                              io::read_hdf5(fixture("bilinear.hdf5")), 0, 1e-3));
}

TEST(Resample, LeavesAPictureOfTheRightSizeAlone) {
  const io::Image8 rgb = io::read_rgb(fixture("rgb.png"));
  const auto same = torch::from_blob(rgb.pixels.get(), {37, 53, 3}, torch::kByte).to(torch::kFloat);
  EXPECT_TRUE(torch::allclose(resized(stretch(37, 53)), same, 0, 1e-4));
}

TEST(Resample, MirroringReversesColumns) {
  auto g = stretch(19, 31);
  const auto plain = resized(g);
  g.mirrored = true;
  EXPECT_TRUE(torch::equal(resized(g), plain.flip(1)));
  EXPECT_EQ(nearest_columns(g).front(), 52);
}

TEST(Resample, ScalesByOneFactorThenCuts) {
  DataConfig config;
  config.height = 320, config.width = 640;
  ClipPlan plan;
  plan.crop_x = 1;
  const Geometry g = make_geometry(375, 1242, config, plan);
  EXPECT_DOUBLE_EQ(g.scale_x, 320.0 / 375);
  EXPECT_EQ(g.scale_x, g.scale_y);
  EXPECT_EQ(g.left, 1059 - 640);  // 1242 * 320/375 = 1059.84
  EXPECT_EQ(g.top, 0);
  const Window w = stored_window(g);
  EXPECT_LE(w.right, 1242);
  EXPECT_EQ(w.bottom, 375);
}

TEST(Resample, ACutIsTheSameAsCuttingTheWhole) {
  auto whole = stretch(19, 31), part = whole;
  part.out_height = 7, part.out_width = 11, part.top = 5, part.left = 9;
  EXPECT_TRUE(
      torch::allclose(resized(part), resized(whole).slice(0, 5, 12).slice(1, 9, 20), 0, 1e-4));
  // The window alone gives the same.
  const Window w = stored_window(part);
  const io::Image8 rgb = io::read_rgb(fixture("rgb.png"));
  io::Image8 inner(w.bottom - w.top, w.right - w.left, 3);
  for (int y = w.top; y < w.bottom; ++y)
    std::copy_n(rgb.row(y) + 3 * w.left, 3 * inner.width, inner.row(y - w.top));
  auto planes = torch::empty({3, 7, 11});
  resize_rgb(inner, part, planes.data_ptr<float>(), w.top, w.left);
  EXPECT_TRUE(torch::equal(((planes + 1) * 127.5).permute({1, 2, 0}), resized(part)));
}

TEST(Resample, IntrinsicsFollowThePixelCentres) {
  const Geometry g{.in_height = 100,
                   .in_width = 200,
                   .out_height = 40,
                   .out_width = 60,
                   .scale_x = 0.5,
                   .scale_y = 0.5,
                   .left = 7,
                   .top = 3,
                   .mirrored = true};
  const double k[9] = {150, 0, 90, 0, 160, 55, 0, 0, 1};
  double out[9];
  transform_intrinsics(g, k, out);
  // A point at X/Z = 0.1, Y/Z = -0.2 lies at stored pixel (105, 23).
  const double x = (105 + 0.5) * 0.5 - 0.5 - 7, y = (23 + 0.5) * 0.5 - 0.5 - 3;
  EXPECT_NEAR(out[0] * -0.1 + out[1] * -0.2 + out[2], 59 - x,
              1e-9);  // in the mirrored world X is -X
  EXPECT_NEAR(out[3] * -0.1 + out[4] * -0.2 + out[5], y, 1e-9);
  EXPECT_GT(out[0], 0);
}

TEST(HypersimTone, MapsAsTheDataSetsOwnScript) {
  const auto linear = io::read_hdf5(fixture("tone_linear.hdf5")),
             ids = io::read_hdf5(fixture("tone_ids.hdf5"));
  Brightness brightness;
  brightness.measure(linear, ids);
  const io::Image8 mapped = ToneMap(brightness.exposure()).apply(linear);
  const auto ours = torch::from_blob(mapped.pixels.get(), {37, 53, 3}, torch::kByte)
                        .to(torch::kFloat)
                        .permute({2, 0, 1});
  // Half a grey level by rounding, and the few hundredths that the quantile's bins cost.
  EXPECT_LT((ours - io::read_hdf5(fixture("tone_mapped.hdf5"))).abs().max().item<float>(), 0.56f);
}

TEST(HypersimTone, PoolsTheFramesOfAClip) {
  const auto dark = torch::full({3, 8, 8}, 0.1).to(torch::kHalf),
             bright = torch::full({3, 8, 8}, 1.0).to(torch::kHalf);
  Brightness a, b;
  a.measure(dark, {});
  b.measure(bright, {});
  a.add(b);
  EXPECT_NEAR(a.quantile(0.25), 0.1, 1e-3);
  EXPECT_NEAR(a.quantile(0.9), 1.0, 1e-3);
  EXPECT_NEAR(a.exposure(), std::pow(0.8, 2.2), 1e-3);
}

TEST(HypersimTone, EdgeCasesAreThoseOfTheScript) {
  Brightness none, black, hidden;
  EXPECT_EQ(none.exposure(), 1);
  black.measure(torch::zeros({3, 4, 4}, torch::kHalf), {});
  EXPECT_EQ(black.exposure(), 0);
  EXPECT_TRUE(black.black());
  hidden.measure(torch::ones({3, 4, 4}, torch::kHalf), torch::full({4, 4}, -1, torch::kShort));
  EXPECT_EQ(hidden.exposure(), 1);
}

}  // namespace
}  // namespace vdd::data
