// SPDX-License-Identifier: Apache-2.0
#include "vdd/parity/forward.h"

#include <gtest/gtest.h>

#include "pipeline/tiny_model.h"
#include "support/field_count.h"
#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"

namespace vdd::parity {
namespace {

TEST(ForwardConfig, ListsEveryMember) {
  EXPECT_EQ(test::listed_fields<ForwardConfig>(), test::count_members<ForwardConfig>());
}

TEST(Forward, AnInputOfAnotherShapeIsNamedWithItsFile) {
  const test::TempDir dir;
  save_depth_model(dir.path(), test::tiny_model());
  const tensor::NamedTensors inputs = {{"in.sample", torch::zeros({1, 2, 8, 4, 4})},
                                       {"in.timestep", torch::zeros({1})},
                                       {"in.embeddings", torch::zeros({1, 2, 16})},
                                       {"in.added_time_ids", torch::zeros({1, 3})},
                                       {"in.loss_weight", torch::zeros({1, 2, 4, 4, 4})},
                                       {"in.noise", torch::zeros({1, 2, 4, 4, 4})},
                                       {"in.video_latents", torch::zeros({1, 2, 4, 4, 4})}};
  const auto forward = [&](const std::string& cut) {
    tensor::NamedTensors damaged = inputs;
    for (auto& [name, value] : damaged) {
      if (name == cut) value = value.slice(-1, 0, value.size(-1) - 1);
    }
    const auto source = tensor::make_source(damaged, "in.safetensors");
    return forward_folder(dir / "unet", *source, {}, /*grad=*/false);
  };
  const auto refusal = [&](const std::string& cut) {
    return test::thrown<DataError>([&] { forward(cut); });
  };
  EXPECT_FALSE(forward("").empty());
  EXPECT_EQ(refusal("in.noise"),
            "in.safetensors: in.noise: wanted [1, 2, 4, 4, 4], got [1, 2, 4, 4, 3]");
  EXPECT_EQ(refusal("in.timestep"), "in.safetensors: in.timestep: wanted [1], got [0]");
  EXPECT_EQ(refusal("in.added_time_ids"),
            "in.safetensors: added_time_ids: wanted [1,3], got [1, 2]");
}

}  // namespace
}  // namespace vdd::parity
