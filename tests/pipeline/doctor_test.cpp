// SPDX-License-Identifier: Apache-2.0
#include "vdd/pipeline/doctor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <regex>

#include "support/temp_dir.h"
#include "support/thrown.h"
#include "tiny_model.h"
#include "vdd/core/error.h"
#include "vdd/core/files.h"
#include "vdd/core/text.h"
#include "vdd/io/safetensors.h"

namespace vdd::pipeline {
namespace {

using tensor::NamedTensors;
using test::TempDir;
using test::thrown;
using testing::HasSubstr;

TEST(Doctor, WeightsAreCountedAndEveryValueIsRead) {
  const TempDir dir;
  const auto path = dir / "w.safetensors";
  io::save_safetensors(
      path, NamedTensors{{"a", torch::ones({2, 3})}, {"b", torch::ones({4}).to(torch::kFloat16)}});
  EXPECT_EQ(check_weights(path), "2 tensors, 10 numbers, fp16+fp32");
  for (const float value :
       {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    torch::Tensor last = torch::ones({100});
    last[99] = value;
    io::save_safetensors(path, NamedTensors{{"a", torch::ones({2})}, {"b", last}});
    EXPECT_EQ(thrown<DataError>([&] { check_weights(path); }),
              path.string() + ": b: holds NaN or infinity");
  }
}

TEST(Doctor, AnIndexIsCheckedWithItsShards) {
  const TempDir dir;
  io::save_safetensors(dir / "1.safetensors", NamedTensors{{"a", torch::ones({2})}});
  write_file_atomic(dir / "m.safetensors.index.json", R"({"weight_map":{"a":"1.safetensors"}})");
  EXPECT_EQ(check_weights_index(dir / "m.safetensors.index.json"), "1 tensors, 2 numbers, fp32");
  io::save_safetensors(dir / "1.safetensors", NamedTensors{{"a", torch::full({2}, NAN)}});
  EXPECT_THAT(thrown<DataError>([&] { check_weights_index(dir / "m.safetensors.index.json"); }),
              HasSubstr("NaN"));
}

TEST(Doctor, AModelFolderMustFitItsConfigs) {
  const TempDir dir;
  const DepthModel model = test::tiny_model();
  save_depth_model(dir.path(), model);
  EXPECT_THAT(check_model_folder(dir.path()),
              testing::ContainsRegex("unet .* tensors.*; vae .*; image_encoder .*"));
  EXPECT_THAT(check_model_folder(dir / "vae"), HasSubstr("vae "));
  EXPECT_EQ(check_model_config(dir / "image_encoder/config.json"), "CLIPVisionModelWithProjection");

  models::VaeConfig other = model.vae->config();
  other.latent_channels = 8;
  save_vae_config(dir / "vae", other);
  EXPECT_THAT(thrown<DataError>([&] { check_model_folder(dir.path()); }),
              HasSubstr("of another shape or type"));
  write_file_atomic(dir / "vae/config.json",
                    R"({"_class_name":"AutoencoderKLTemporalDecoder","in_channels":"three"})");
  EXPECT_THAT(thrown<DataError>([&] { check_model_config(dir / "vae/config.json"); }),
              HasSubstr("in_channels"));
  write_file_atomic(dir / "vae/config.json", R"({"_class_name":"AutoencoderTiny"})");
  EXPECT_THAT(thrown<DataError>([&] { check_model_folder(dir / "vae"); }),
              HasSubstr("describes a AutoencoderTiny"));
}

TEST(Doctor, AHeadIsCheckedWithTheUNetItTakes) {
  const TempDir dir;
  DepthModel model = test::tiny_model();
  model.dpt_head = test::tiny_head(model);
  save_depth_model(dir.path(), model);
  EXPECT_THAT(check_model_folder(dir.path()), HasSubstr("; dpt_head "));
  EXPECT_THAT(check_model_folder(dir / "dpt_head"), testing::StartsWith("dpt_head "));
  EXPECT_EQ(check_model_config(dir / "dpt_head/config.json"), "TemporalDPTHead");

  models::DptConfig other = model.dpt_head->config();
  other.taps[3] = "up_blocks.9";
  save_dpt_head_config(dir / "dpt_head", other);
  EXPECT_THAT(thrown<DataError>([&] { check_model_folder(dir.path()); }),
              HasSubstr("dpt_head/config.json: taps: the UNet has no up_blocks.9"));
}

/// Replaces the value of a key.
void change(const std::filesystem::path& json, const std::string& key, const std::string& value) {
  const std::string text = test::content(json);
  const std::regex entry(concat('"', key, R"(": (\[[^\]]*\]|[^,\n]*))"));
  ASSERT_TRUE(std::regex_search(text, entry)) << key;
  write_file_atomic(json, std::regex_replace(text, entry, concat('"', key, "\": ", value)));
}

TEST(Doctor, AConfigOfAModelWithoutEndIsRefusedAtOnce) {
  const TempDir dir;
  DepthModel model = test::tiny_model();
  model.dpt_head = test::tiny_head(model);
  const struct {
    const char *part, *key, *value;
  } cases[] = {
      {"image_encoder", "num_hidden_layers", "1000000000"},
      {"image_encoder", "hidden_size", "1000000000"},
      {"image_encoder", "intermediate_size", "1000000000"},
      {"image_encoder", "projection_dim", "1000000000"},
      {"image_encoder", "num_channels", "1000000000"},
      {"image_encoder", "image_size", "1000000000"},
      {"image_encoder", "patch_size", "1000000000"},
      {"unet", "layers_per_block", "1000000000"},
      {"unet", "transformer_layers_per_block", "1000000000"},
      {"unet", "block_out_channels", "[32, 3200000000]"},
      {"unet", "block_out_channels", "[32, 32, 32, 32, 32, 32, 32, 32, 32]"},
      {"unet", "in_channels", "1000000000"},
      {"unet", "cross_attention_dim", "1000000000"},
      {"unet", "addition_time_embed_dim", "1000000000"},
      {"vae", "layers_per_block", "1000000000"},
      {"vae", "latent_channels", "1000000000"},
      {"vae", "block_out_channels", "[32, 32, 32, 32, 32, 32, 32, 32, 32]"},
      {"dpt_head", "features", "3200000000"},
      {"dpt_head", "out_channels", "[32, 32, 32, 3200000000]"},
      {"scheduler", "num_train_timesteps", "10000000000"},
  };
  save_depth_model(dir.path(), model);
  for (const auto& [part, key, value] : cases) {
    const bool schedule = std::string(part) == "scheduler";
    const auto json = dir / part / (schedule ? "scheduler_config.json" : "config.json");
    const std::string before = test::content(json);
    change(json, key, value);
    const auto named = testing::StartsWith(concat(json.string(), ": ", key));
    EXPECT_THAT(thrown<DataError>([&] { check_model_folder(dir.path()); }), named);
    EXPECT_THAT(
        thrown<DataError>([&] { load_depth_model({.model = dir.path()}, {.dpt_head = true}); }),
        named);
    write_file_atomic(json, before);
  }
  EXPECT_NO_THROW(check_model_folder(dir.path()));
}

TEST(Doctor, MemoryIsTakenForWhatTheWeightsHoldOnly) {
  const TempDir dir;
  const DepthModel model = test::tiny_model();
  const auto refusal = [&](const char* part, const char* key, const char* value) {
    save_depth_model(dir.path(), model);
    change(dir / part / "config.json", key, value);
    const std::string doctor = thrown<DataError>([&] { check_model_folder(dir.path()); });
    EXPECT_EQ(thrown<DataError>([&] { load_depth_model({.model = dir.path()}); }), doctor);
    return doctor;
  };
  // A layer of it has 137 GB of weights.
  EXPECT_THAT(refusal("image_encoder", "intermediate_size", "262144"), HasSubstr("another shape"));
  EXPECT_THAT(refusal("image_encoder", "hidden_size", "65536"), HasSubstr("another shape"));
  EXPECT_THAT(refusal("image_encoder", "num_hidden_layers", "1024"),
              HasSubstr("image_encoder/config.json: describes a model of more than"));
  EXPECT_THAT(refusal("unet", "transformer_layers_per_block", "128"),
              HasSubstr("unet/config.json: describes a model of more than"));
}

TEST(Doctor, APipelineHasAllItsParts) {
  const TempDir dir;
  save_depth_model(dir.path(), test::tiny_model());
  std::filesystem::remove(dir / "unet/config.json");
  EXPECT_EQ(thrown<DataError>([&] { check_model_folder(dir.path()); }),
            dir.path().string() + ": holds no unet/ with a config.json");
  std::filesystem::remove(dir / "model_index.json");  // now a folder that lends its other parts
  EXPECT_THAT(check_model_folder(dir.path()), HasSubstr("vae "));
}

}  // namespace
}  // namespace vdd::pipeline
