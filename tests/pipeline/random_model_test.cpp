// SPDX-License-Identifier: Apache-2.0
#include "vdd/pipeline/random_model.h"

#include <gtest/gtest.h>

#include "support/clips.h"
#include "support/temp_dir.h"
#include "vdd/tensor/dtype.h"

namespace vdd::pipeline {
namespace {

using test::content;

constexpr const char* kWeights[] = {"unet/diffusion_pytorch_model.safetensors",
                                    "vae/diffusion_pytorch_model.safetensors",
                                    "image_encoder/model.safetensors"};

TEST(RandomTeacher, IsAFunctionOfItsSeed) {
  const test::TempDir folder;
  write_random_teacher(folder / "one", {});
  write_random_teacher(folder / "same", {});
  write_random_teacher(folder / "other", {.seed = 1});
  for (const char* file : kWeights) {
    EXPECT_EQ(content(folder / "one" / file), content(folder / "same" / file)) << file;
    EXPECT_NE(content(folder / "one" / file), content(folder / "other" / file)) << file;
  }
  EXPECT_EQ(content(folder / "one/model_index.json"), content(folder / "same/model_index.json"));
}

TEST(RandomModel, HasThePartsOfItsSizesWithoutGradients) {
  const DepthModel model = random_model(models::tiny_model(), 3);
  ASSERT_FALSE(model.dpt_head.is_empty());
  EXPECT_EQ(model.unet->config().block_out_channels[0], 32);
  EXPECT_TRUE(tensor::all_finite(model.unet->parameters()[0]));
  for (const torch::Tensor& weight : model.vae->parameters()) EXPECT_FALSE(weight.requires_grad());
  const DepthModel again = random_model(models::tiny_model(), 3);
  EXPECT_EQ(tensor::content_hash(tensor::state_dict(*model.unet)),
            tensor::content_hash(tensor::state_dict(*again.unet)));
}

TEST(RandomModel, HasAVaeOfItsOwnType) {
  const models::ModelSizes sizes = models::tiny_model();
  const LoadTarget half{.dtype = torch::kBFloat16};
  const DepthModel model = random_model(sizes, 3, half);
  EXPECT_EQ(model.unet->dtype(), torch::kBFloat16);
  EXPECT_EQ(model.image_encoder->dtype(), torch::kBFloat16);
  EXPECT_EQ(model.vae->dtype(), torch::kFloat32);
  EXPECT_EQ(random_model(sizes, 3, half, torch::kBFloat16).vae->dtype(), torch::kBFloat16);
}

}  // namespace
}  // namespace vdd::pipeline
