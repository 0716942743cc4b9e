// SPDX-License-Identifier: Apache-2.0
#include "vdd/pipeline/model_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/field_count.h"
#include "support/temp_dir.h"
#include "support/thrown.h"
#include "tiny_model.h"
#include "vdd/core/error.h"
#include "vdd/core/files.h"
#include "vdd/io/safetensors.h"

namespace vdd::pipeline {
namespace {

namespace fs = std::filesystem;
using tensor::content_hash;
using tensor::NamedTensors;
using tensor::state_dict;
using test::TempDir;
using test::thrown;
using testing::HasSubstr;

class ModelFolder : public testing::Test {
 protected:
  ModelFolder() { save_depth_model(folder, model); }
  /// Rewrites a weights file with `change` applied to each name.
  template <typename Change>
  void rename_tensors(const fs::path& file, const Change& change) {
    NamedTensors renamed;
    {
      const io::SafetensorsFile old(file);
      for (const auto& info : old.tensors())
        renamed.emplace_back(change(info.name), old.get(info.name).clone());
    }
    io::save_safetensors(file, renamed);
  }

  const TempDir dir;
  const fs::path folder = dir / "model";
  const DepthModel model = test::tiny_model();
};

TEST_F(ModelFolder, ReadsBackEqual) {
  const DepthModel loaded = load_depth_model({.model = folder, .hash = true});
  EXPECT_EQ(content_hash(state_dict(*loaded.unet)), content_hash(state_dict(*model.unet)));
  EXPECT_EQ(content_hash(state_dict(*loaded.vae)), content_hash(state_dict(*model.vae)));
  EXPECT_EQ(content_hash(state_dict(*loaded.image_encoder)),
            content_hash(state_dict(*model.image_encoder)));
  EXPECT_EQ(loaded.unet_hash, content_hash(state_dict(*model.unet)));
  EXPECT_EQ(loaded.vae_hash, content_hash(state_dict(*model.vae)));
  EXPECT_EQ(loaded.image_encoder_hash, content_hash(state_dict(*model.image_encoder)));
  EXPECT_EQ(loaded.scheduler.sigma_max, 700.0);
  EXPECT_TRUE(loaded.scheduler.use_karras_sigmas);
  EXPECT_FALSE(loaded.unet->is_training());
  for (const auto& parameter : loaded.unet->parameters()) EXPECT_FALSE(parameter.requires_grad());
}

TEST_F(ModelFolder, SavesTheSameBytesAgain) {
  save_depth_model(dir / "again", load_depth_model({.model = folder}));
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    const fs::path other = dir / "again" / fs::relative(entry.path(), folder);
    EXPECT_EQ(read_file(entry.path(), 1 << 26), read_file(other, 1 << 26)) << other;
  }
}

TEST_F(ModelFolder, LoadsPartsInOtherTypes) {
  const DepthModel loaded = load_depth_model(
      {.model = folder, .target = {.dtype = torch::kBFloat16}}, {.image_encoder = false});
  EXPECT_EQ(loaded.unet->dtype(), torch::kBFloat16);
  EXPECT_EQ(loaded.vae->dtype(), torch::kFloat32) << "unless it is asked for";
  EXPECT_TRUE(loaded.image_encoder.is_empty());
  const auto wanted = state_dict(*model.unet), found = state_dict(*loaded.unet);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_TRUE(torch::equal(found[i].second, wanted[i].second.to(torch::kBFloat16)))
        << found[i].first;
  }
}

TEST_F(ModelFolder, TheVaeIsLoadedInATypeOfItsOwn) {
  for (const auto dtype : {torch::kFloat32, torch::kBFloat16}) {
    const DepthModel loaded =
        load_depth_model({.model = folder, .vae_dtype = dtype}, {.image_encoder = false});
    EXPECT_EQ(loaded.vae->dtype(), dtype);
    EXPECT_EQ(loaded.unet->dtype(), torch::kFloat32);
  }
}

TEST(DtypeKey, NamesTheVaesTypeWhereTheModelsUsedToStandForAnother) {
  EXPECT_EQ(dtype_key(torch::kFloat32, torch::kFloat32), "fp32");
  EXPECT_EQ(dtype_key(torch::kFloat16, torch::kFloat32), "fp16");
  EXPECT_EQ(dtype_key(torch::kBFloat16, torch::kBFloat16), "bf16");
  EXPECT_EQ(dtype_key(torch::kBFloat16, torch::kFloat32), "bf16,vae=fp32");
  EXPECT_EQ(dtype_key(torch::kFloat32, torch::kBFloat16), "fp32,vae=bf16");
  EXPECT_EQ(dtype_key(torch::kFloat16, torch::kFloat16), "fp16,vae=fp16");
}

// Tencent/DepthCrafter: the UNet in the root under its own class name, the rest in Stable Video
// Diffusion's folder.
TEST_F(ModelFolder, ADepthCrafterFolderBesideItsBase) {
  fs::rename(folder / "unet", dir / "DepthCrafter");
  const fs::path config = dir / "DepthCrafter/config.json";
  std::string text = read_file(config, 1 << 20);
  text.replace(text.find("UNetSpatio"), 0, "Diffusers");
  text.replace(text.find("ConditionModel\"") + 14, 0, "DepthCrafter");
  write_file_atomic(config, text);
  fs::rename(dir / "DepthCrafter/diffusion_pytorch_model.safetensors",
             dir / "DepthCrafter/diffusion_pytorch_model.fp16.safetensors");

  const std::string hash = content_hash(state_dict(*model.unet));
  EXPECT_EQ(
      load_depth_model({.model = folder, .unet = dir / "DepthCrafter", .hash = true}).unet_hash,
      hash);
  EXPECT_EQ(
      load_depth_model({.model = dir / "DepthCrafter", .base = folder, .hash = true}).unet_hash,
      hash);
  EXPECT_THAT(thrown<DataError>([&] { load_depth_model({.model = folder}); }),
              HasSubstr("holds no unet/"));
}

TEST_F(ModelFolder, ACheckpointTakesTheRestFromItsBase) {
  DepthModel student;
  student.unet = test::tiny_model(9).unet;
  student.info = {
      .input = SamplerInput::kRgbLatent, .steps = 1, .base = "../model", .provenance = {.step = 7}};
  save_depth_model(dir / "checkpoint", student);
  EXPECT_FALSE(fs::exists(dir / "checkpoint/model_index.json"));

  const DepthModel loaded = load_depth_model({.model = dir / "checkpoint", .hash = true});
  EXPECT_EQ(loaded.unet_hash, content_hash(state_dict(*student.unet)));
  EXPECT_EQ(loaded.vae_hash, content_hash(state_dict(*model.vae)));
  EXPECT_EQ(loaded.info.input, SamplerInput::kRgbLatent);
  EXPECT_EQ(loaded.info.steps, 1);
  EXPECT_EQ(loaded.info.provenance.step, 7);
}

TEST_F(ModelFolder, ACheckpointTrainedFromACheckpointTakesTheRestFromBases) {
  fs::remove_all(folder / "unet");
  save_depth_model(dir / "teacher", {.unet = model.unet, .info = {.base = "../model"}});
  save_depth_model(dir / "student", {.unet = model.unet, .info = {.base = "../teacher"}});
  const ModelFolders found = find_model(dir / "student");
  EXPECT_EQ(found.unet, dir / "student/unet");
  EXPECT_TRUE(fs::equivalent(found.vae, folder / "vae"));
  EXPECT_TRUE(fs::equivalent(found.image_encoder, folder / "image_encoder"));

  save_info(folder, {.base = "../student"});
  fs::remove_all(folder / "vae");
  EXPECT_THAT(thrown<DataError>([&] { find_model(dir / "student"); }),
              HasSubstr("base: leads in a circle"));
}

TEST_F(ModelFolder, OldVaeAndImageEncoderNamesAreRead) {
  rename_tensors(folder / "vae/diffusion_pytorch_model.safetensors", [](std::string name) {
    for (const auto& [today, old] :
         {std::pair("to_q", "query"), std::pair("to_k", "key"), std::pair("to_v", "value"),
          std::pair("to_out.0", "proj_attn")}) {
      const std::size_t at = name.find(today);
      if (at != name.npos) name.replace(at, std::string(today).size(), old);
    }
    return name;
  });
  const DepthModel loaded = load_depth_model({.model = folder, .hash = true});
  EXPECT_EQ(loaded.vae_hash, content_hash(state_dict(*model.vae)));
  EXPECT_EQ(content_hash(state_dict(*loaded.vae)), loaded.vae_hash);

  NamedTensors with_ids = state_dict(*model.image_encoder);
  with_ids.emplace_back("vision_model.embeddings.position_ids", torch::arange(17).unsqueeze(0));
  io::save_safetensors(folder / "image_encoder/model.safetensors", with_ids);
  EXPECT_EQ(load_depth_model({.model = folder, .hash = true}).image_encoder_hash,
            content_hash(state_dict(*model.image_encoder)));
}

TEST_F(ModelFolder, ShardsAreRead) {
  const fs::path unet = folder / "unet";
  const NamedTensors all = state_dict(*model.unet);
  const auto middle = all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2);
  io::save_safetensors(unet / "w-1.safetensors", NamedTensors(all.begin(), middle));
  io::save_safetensors(unet / "w-2.safetensors", NamedTensors(middle, all.end()));
  std::string index = R"({"metadata":{"total_size":1},"weight_map":{)";
  for (auto item = all.begin(); item != all.end(); ++item) {
    index += (item == all.begin() ? "\"" : ",\"");
    index += item->first;
    index += item < middle ? R"(":"w-1.safetensors")" : R"(":"w-2.safetensors")";
  }
  fs::remove(unet / "diffusion_pytorch_model.safetensors");
  write_file_atomic(unet / "diffusion_pytorch_model.safetensors.index.json", index + "}}");
  EXPECT_EQ(load_depth_model({.model = folder, .hash = true}).unet_hash, content_hash(all));
}

TEST_F(ModelFolder, AHeadIsReadBackEqual) {
  DepthModel student = model;
  student.dpt_head = test::tiny_head(model);
  student.info.decoder = Decoder::kDpt;
  save_depth_model(dir / "student", student);
  const DepthModel loaded =
      load_depth_model({.model = dir / "student", .hash = true}, {.dpt_head = true});
  EXPECT_EQ(loaded.info.decoder, Decoder::kDpt);
  EXPECT_EQ(loaded.dpt_head_hash, content_hash(state_dict(*student.dpt_head)));
  EXPECT_EQ(content_hash(state_dict(*loaded.dpt_head)), loaded.dpt_head_hash);
  EXPECT_EQ(loaded.dpt_head->config().taps, student.dpt_head->config().taps);
  EXPECT_TRUE(load_depth_model({.model = dir / "student"}).dpt_head.is_empty());
}

TEST_F(ModelFolder, AHeadGoesWithTheUNetBesideIt) {
  DepthModel student = model;
  student.dpt_head = test::tiny_head(model);
  save_depth_model(dir / "student", student);
  save_depth_model(dir / "plain", {.unet = model.unet, .info = {.base = "../student"}});
  EXPECT_EQ(find_model(dir / "student").dpt_head, dir / "student/dpt_head");
  EXPECT_EQ(find_model(folder, dir / "student").dpt_head, dir / "student/dpt_head");
  EXPECT_EQ(find_model(dir / "student", dir / "plain").dpt_head, "");
  EXPECT_EQ(find_model(dir / "plain").dpt_head, "");
  EXPECT_NE(find_model(dir / "plain").vae, "");
  EXPECT_THAT(
      thrown<DataError>([&] { load_depth_model({.model = dir / "plain"}, {.dpt_head = true}); }),
      HasSubstr("holds no dpt_head/"));
}

TEST_F(ModelFolder, ADecoderThatIsNotThereIsRefused) {
  save_info(folder, {.decoder = Decoder::kDpt});
  EXPECT_THAT(thrown<DataError>([&] { find_model(folder); }),
              HasSubstr("vdd.json: decoder: is dpt, but beside the UNet is no dpt_head/"));
}

TEST_F(ModelFolder, AHeadForAnotherUNetIsRefused) {
  DepthModel student = model;
  models::DptConfig config = test::tiny_head(model)->config();
  config.in_channels[0] = 48;  // up_blocks.1 has 32
  student.dpt_head = models::TemporalDptHead(config);
  nn::initialize(*student.dpt_head, 4);
  save_depth_model(dir / "student", student);
  EXPECT_THAT(
      thrown<DataError>([&] { load_depth_model({.model = dir / "student"}, {.dpt_head = true}); }),
      HasSubstr("dpt_head/config.json: in_channels: the UNet's up_blocks.1 has 32"));
}

// Video-Depth-Anything saves its table of positions, for a fixed clip length.
TEST_F(ModelFolder, StoredPositionsOfAHeadAreLeftOut) {
  auto head = test::tiny_head(model);
  NamedTensors tensors = state_dict(*head);
  tensors.emplace_back(
      "motion_modules.0.temporal_transformer.transformer_blocks.0.attention_blocks.0.pos_encoder."
      "pe",
      torch::zeros({1, 32, 32}));
  save_dpt_head_config(dir / "head", head->config());
  io::save_safetensors(dir / "head/diffusion_pytorch_model.safetensors", tensors);
  EXPECT_EQ(content_hash(state_dict(*load_dpt_head(dir / "head"))),
            content_hash(state_dict(*head)));
}

TEST_F(ModelFolder, EveryWrongTensorIsInOneError) {
  rename_tensors(folder / "unet/diffusion_pytorch_model.safetensors", [](const std::string& name) {
    return name == "conv_in.weight" || name == "conv_out.bias" ? "other." + name : name;
  });
  const std::string message = thrown<DataError>([&] { load_depth_model({.model = folder}); });
  EXPECT_THAT(
      message,
      HasSubstr("2 missing, 2 unexpected; missing: conv_in.weight, conv_out.bias; unexpected: "
                "other.conv_in.weight, other.conv_out.bias"));
  EXPECT_THAT(message, HasSubstr("unet/diffusion_pytorch_model.safetensors: "));
}

TEST_F(ModelFolder, OtherClassesAreRefused) {
  fs::rename(folder / "unet", folder / "x");
  fs::copy(folder / "vae", folder / "unet");
  EXPECT_THAT(
      thrown<DataError>([&] { load_depth_model({.model = folder}); }),
      HasSubstr(
          "unet/config.json: describes a AutoencoderKLTemporalDecoder, not a UNetSpatioTemporal"));
}

TEST_F(ModelFolder, AModelIndexOfAnotherPipelineIsRefused) {
  std::string text = read_file(folder / "model_index.json", 1 << 20);
  text.replace(text.find("AutoencoderKLTemporalDecoder"), 28, "AutoencoderKL");
  write_file_atomic(folder / "model_index.json", text);
  EXPECT_THAT(
      thrown<DataError>([&] { load_depth_model({.model = folder}); }),
      HasSubstr("model_index.json: vae: is a AutoencoderKL, not a AutoencoderKLTemporalDecoder"));
}

TEST(VddInfo, ListsEveryMember) {
  EXPECT_EQ(test::listed_fields<VddInfo>(), test::count_members<VddInfo>());
}

TEST(FindModel, SaysWhatIsMissing) {
  const TempDir dir;
  EXPECT_THAT(thrown<DataError>([&] { find_model(dir / "absent"); }), HasSubstr("is no folder"));
  EXPECT_THAT(thrown<DataError>([&] { find_model(dir.path()); }), HasSubstr("is no model folder"));
  save_info(dir.path(), {.base = "gone"});
  EXPECT_THAT(thrown<DataError>([&] { find_model(dir.path()); }), HasSubstr("gone: is no folder"));
}

}  // namespace
}  // namespace vdd::pipeline
