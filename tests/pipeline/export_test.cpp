// SPDX-License-Identifier: Apache-2.0
#include "vdd/pipeline/export.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <limits>

#include "support/temp_dir.h"
#include "support/thrown.h"
#include "tiny_model.h"
#include "vdd/core/error.h"
#include "vdd/core/files.h"
#include "vdd/core/text.h"
#include "vdd/io/safetensors.h"
#include "vdd/pipeline/doctor.h"

namespace vdd::pipeline {
namespace {

namespace fs = std::filesystem;
using tensor::content_hash;
using tensor::NamedTensors;
using tensor::state_dict;
using test::TempDir;
using test::thrown;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

/// A checkpoint of a student beside the teacher it came from.
class Export : public testing::Test {
 protected:
  Export() {
    save_depth_model(dir / "teacher", teacher);
    student.unet = test::tiny_model(5).unet;
    student.info = {.input = SamplerInput::kRgbLatent,
                    .steps = 1,
                    .base = "../teacher",
                    .provenance = {.program = "distill_unet"}};
    save_depth_model(dir / "checkpoint", student);
  }
  ExportSpec spec(torch::Dtype dtype = torch::kFloat32) {
    return {.model = dir / "checkpoint", .output = dir / "out", .dtype = dtype};
  }
  void spoil_student(const char* name, float value) {
    for (auto& [key, tensor] : state_dict(*student.unet)) {
      if (key == name) tensor.view(-1)[3] = value;
    }
    save_depth_model(dir / "checkpoint", student);
  }

  const TempDir dir;
  const DepthModel teacher = test::tiny_model();
  DepthModel student;
};

TEST_F(Export, WritesAFolderThatStandsAlone) {
  const ExportReport report = export_diffusers(spec());
  fs::remove_all(dir / "teacher");
  fs::remove_all(dir / "checkpoint");
  const DepthModel out = load_depth_model({.model = dir / "out", .hash = true});
  EXPECT_EQ(out.unet_hash, content_hash(state_dict(*student.unet)));
  EXPECT_EQ(out.vae_hash, content_hash(state_dict(*teacher.vae)));
  EXPECT_EQ(out.image_encoder_hash, content_hash(state_dict(*teacher.image_encoder)));
  EXPECT_EQ(out.info.input, SamplerInput::kRgbLatent);
  EXPECT_EQ(out.info.base, "");
  EXPECT_EQ(out.info.provenance.program, "distill_unet");
  EXPECT_EQ(report.unet_hash, out.unet_hash);
  EXPECT_EQ(report.tensors, std::ssize(state_dict(*out.unet)) + std::ssize(state_dict(*out.vae)) +
                                std::ssize(state_dict(*out.image_encoder)));
  EXPECT_THAT(dir.names(), UnorderedElementsAre("out"));
  for (const char* file :
       {"model_index.json", "vdd.json", "scheduler/scheduler_config.json",
        "feature_extractor/preprocessor_config.json", "unet/diffusion_pytorch_model.safetensors",
        "vae/diffusion_pytorch_model.safetensors", "image_encoder/model.safetensors"}) {
    EXPECT_TRUE(fs::is_regular_file(dir / "out" / file)) << file;
  }
}

TEST_F(Export, ConvertsEveryTensor) {
  for (const auto dtype : {torch::kFloat16, torch::kBFloat16}) {
    ExportSpec half = spec(dtype);
    half.overwrite = true;
    export_diffusers(half);
    const auto written = open_unet_weights(dir / "out/unet");
    for (const auto& [name, value] : state_dict(*student.unet)) {
      EXPECT_TRUE(torch::equal(written->get(name), value.to(dtype))) << name;
    }
  }
}

TEST_F(Export, AnExistingFolderIsReplacedOnlyWhenAsked) {
  fs::create_directory(dir / "out");
  write_file_atomic(dir / "out/mine", "x");
  EXPECT_THAT(thrown<ConfigError>([&] { export_diffusers(spec()); }), HasSubstr("already exists"));
  EXPECT_TRUE(fs::exists(dir / "out/mine"));
  ExportSpec replacing = spec();
  replacing.overwrite = true;
  EXPECT_THAT(thrown<ConfigError>([&] { export_diffusers(replacing); }),
              HasSubstr("holds mine, which is not of this program"));
  EXPECT_TRUE(fs::exists(dir / "out/mine"));

  fs::remove(dir / "out/mine");
  export_diffusers(replacing);
  write_file_atomic(dir / "out/unet/old.safetensors", "x");
  export_diffusers(replacing);
  EXPECT_FALSE(fs::exists(dir / "out/unet/old.safetensors"));
}

TEST_F(Export, NoInputIsReplaced) {
  ExportSpec replacing = spec();
  replacing.overwrite = true;
  for (const fs::path& input : {dir / "teacher", dir / "checkpoint"}) {
    write_file_atomic(input / "vdd.json", fs::exists(input / "vdd.json")
                                              ? read_file(input / "vdd.json", 1 << 16)
                                              : "{}");
    replacing.output = input;
    EXPECT_THAT(thrown<ConfigError>([&] { export_diffusers(replacing); }),
                HasSubstr("is not replaced: it "));
    EXPECT_TRUE(fs::exists(input / "unet"));
  }
}

TEST_F(Export, VerifyFindsEachKindOfDamage) {
  const fs::path weights = dir / "out/unet/diffusion_pytorch_model.safetensors";
  export_diffusers(spec());
  verify_export(dir / "out", spec());
  const std::string good = read_file(weights, 1 << 26);

  for (const std::size_t from_end : {1, 777, 50'000}) {  // a bit anywhere in the values
    std::string bytes = good;
    bytes[bytes.size() - from_end] ^= 1;
    write_file_atomic(weights, bytes);
    EXPECT_THAT(thrown<VerificationError>([&] { verify_export(dir / "out", spec()); }),
                HasSubstr("holds other values"));
  }

  NamedTensors tensors = state_dict(*student.unet);
  tensors.emplace_back("surplus", torch::ones({1}));
  io::save_safetensors(weights, tensors);
  EXPECT_THAT(thrown<VerificationError>([&] { verify_export(dir / "out", spec()); }),
              HasSubstr("more tensors"));
  tensors.resize(3);
  io::save_safetensors(weights, tensors);
  EXPECT_THAT(thrown<VerificationError>([&] { verify_export(dir / "out", spec()); }),
              HasSubstr("is missing"));
  io::save_safetensors(weights, state_dict(*student.unet), {}, torch::kFloat16);
  EXPECT_THAT(thrown<VerificationError>([&] { verify_export(dir / "out", spec()); }),
              HasSubstr("another type"));

  write_file_atomic(weights, good);
  save_vae_config(dir / "out/vae", {.scaling_factor = 1});
  EXPECT_THAT(thrown<VerificationError>([&] { verify_export(dir / "out", spec()); }),
              HasSubstr("vae/config.json"));
}

TEST_F(Export, AHeadGoesWithItsStudent) {
  student.dpt_head = test::tiny_head(student);
  student.info.decoder = Decoder::kDpt;
  save_depth_model(dir / "checkpoint", student);
  ExportSpec spec = this->spec();
  const ExportReport report = export_diffusers(spec);
  EXPECT_THAT(check_model_folder(dir / "out"),
              testing::ContainsRegex("unet .*; vae .*; image_encoder .*; dpt_head .* tensors"));
  const std::string wanted = content_hash(state_dict(*student.dpt_head));
  const std::string before = content_hash(*open_dpt_head_weights(dir / "out/dpt_head"));
  EXPECT_EQ(before, wanted);
  EXPECT_EQ(report.tensors, std::ssize(state_dict(*student.unet)) +
                                std::ssize(state_dict(*teacher.vae)) +
                                std::ssize(state_dict(*teacher.image_encoder)) +
                                std::ssize(state_dict(*student.dpt_head)));

  const fs::path weights = dir / "out/dpt_head/diffusion_pytorch_model.safetensors";
  std::string bytes = read_file(weights, 1 << 26);
  bytes.back() ^= 1;
  write_file_atomic(weights, bytes);
  EXPECT_THAT(thrown<VerificationError>([&] { verify_export(dir / "out", spec); }),
              HasSubstr("dpt_head/diffusion_pytorch_model.safetensors: "));
  spec.overwrite = true;
  export_diffusers(spec);
  fs::remove_all(dir / "teacher");
  fs::remove_all(dir / "checkpoint");
  const DepthModel out = load_depth_model({.model = dir / "out", .hash = true}, {.dpt_head = true});
  EXPECT_EQ(out.dpt_head_hash, wanted);
  EXPECT_EQ(out.info.decoder, Decoder::kDpt);
}

TEST_F(Export, NothingIsLeftAfterAFailure) {
  spoil_student("conv_in.weight", std::numeric_limits<float>::quiet_NaN());
  EXPECT_THAT(thrown<DataError>([&] { export_diffusers(spec()); }),
              HasSubstr("conv_in.weight: holds NaN"));
  spoil_student("conv_in.weight", 1e5F);
  EXPECT_THAT(thrown<NonFiniteError>([&] { export_diffusers(spec(torch::kFloat16)); }),
              HasSubstr("'conv_in.weight' holds values that are infinite in fp16"));
  fs::remove_all(dir / "teacher/vae");
  EXPECT_THAT(thrown<DataError>([&] { export_diffusers(spec()); }), HasSubstr("holds no vae/"));
  EXPECT_THAT(dir.names(), UnorderedElementsAre("teacher", "checkpoint"));
}

TEST_F(Export, AFullDiskLeavesTheOldExport) {
  export_diffusers(spec());
  const std::string before = content_hash(*open_unet_weights(dir / "out/unet"));
  spoil_student("conv_in.weight", 2);
  ExportSpec replacing = spec();
  replacing.overwrite = true;
  rlimit old{};
  ::getrlimit(RLIMIT_FSIZE, &old);
  auto* handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{100'000, old.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &limit);
  EXPECT_THROW(export_diffusers(replacing), ResourceError);
  ::setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(content_hash(*open_unet_weights(dir / "out/unet")), before);
  EXPECT_THAT(dir.names(), UnorderedElementsAre("teacher", "checkpoint", "out"));
}

TEST_F(Export, ARunFolderIsToldFromACheckpoint) {
  fs::create_directories(dir / "run/checkpoints");
  ExportSpec run = spec();
  run.model = dir / "run";
  EXPECT_THAT(thrown<DataError>([&] { export_diffusers(run); }),
              HasSubstr("name one of its checkpoints"));
}

}  // namespace
}  // namespace vdd::pipeline
