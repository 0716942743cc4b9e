// SPDX-License-Identifier: Apache-2.0
#include "vdd/models/clip_vision.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/io/safetensors.h"
#include "vdd/models/clip_preprocessing.h"

namespace vdd::models {
namespace {

// Shrinking in both directions and in one, enlarging, and an exact fit.
TEST(ClipPreprocessing, EqualsThePythonOriginal) {
  const io::SafetensorsFile golden(std::string(VDD_FIXTURES) +
                                   "/parity/schedule/golden.safetensors");
  for (const std::string label : {"shrink", "mixed", "enlarge", "same"}) {
    const torch::Tensor coarse = golden.get("clip." + label + ".in");
    const torch::Tensor frames =
        at::upsample_nearest2d(coarse, {coarse.size(2) * 8, coarse.size(3) * 8});
    const torch::Tensor pixels = preprocess_clip(frames);
    const torch::Tensor got = pixels.slice(2, 0, 224, 8).slice(3, 0, 224, 8);
    const torch::Tensor wanted = golden.get("clip." + label + ".out");
    EXPECT_LE((got - wanted).abs().max().item<double>() / wanted.abs().max().item<double>(), 2e-5)
        << label;
  }
}

TEST(ClipPreprocessing, RefusesWrongShapes) {
  test::thrown<ShapeError>([] { preprocess_clip(torch::zeros({1, 1, 32, 32})); });
  test::thrown<ShapeError>([] { preprocess_clip(torch::zeros({1, 3, 1, 32})); });
}

TEST(ClipVision, RefusesBadConfigsAndShapes) {
  const std::string heads = test::thrown<ConfigError>([] {
    CLIPVisionModelWithProjection clip(ClipConfig{.hidden_size = 30, .num_attention_heads = 4});
  });
  EXPECT_THAT(heads, testing::HasSubstr("num_attention_heads: 4 does not divide hidden_size, 30"));
  const std::string limit = test::thrown<ConfigError>(
      [] { CLIPVisionModelWithProjection clip(ClipConfig{.patch_size = 0}); });
  EXPECT_EQ(limit, "patch_size: must be in [1, 8192], got '0'");
  CLIPVisionModelWithProjection clip(ClipConfig{.hidden_size = 12, .num_hidden_layers = 1});
  test::thrown<ShapeError>([&] { clip(torch::zeros({1, 3, 32, 32})); });
}

}  // namespace
}  // namespace vdd::models
