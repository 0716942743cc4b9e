// SPDX-License-Identifier: Apache-2.0
// `vdd train-teacher` as a user runs, stops and resumes it, on a VAE of `vdd train-vae`.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "support/run_program.h"
#include "support/temp_dir.h"

namespace vdd::test {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> training(const std::string& kind, const fs::path& root,
                                  const std::string& run, const std::vector<std::string>& more) {
  std::vector<std::string> out = {"train-" + kind,
                                  "-c",
                                  VDD_SOURCE_DIR "/configs/tiny/train_" + kind + ".yaml",
                                  "-o",
                                  (root / run).string(),
                                  "data.root=" + (root / "data").string(),
                                  "data.frames=2",
                                  "data.height=64",
                                  "data.width=128",
                                  "lr_schedule.warmup=1",
                                  "lr_schedule.length=40",
                                  "train.threads=1",
                                  "validation.clips=1"};
  out.insert(out.end(), more.begin(), more.end());
  return out;
}

TEST(TrainTeacher, AResumedRunEndsWithTheSameBytesAndItsModelExports) {
  const TempDir folder;
  const Finished data =
      run_program("vdd", {"sample-data", "--out", (folder / "data").string(), "--sequences", "4",
                          "--frames", "4", "--size", "64x128"});
  ASSERT_EQ(data.code, 0) << data.err;
  const Finished vae = run_program("vdd", training("vae", folder / "", "vae",
                                                   {"train.max_steps=2", "crops.size=32",
                                                    "scale_clips=1", "validation.every=2"}));
  ASSERT_EQ(vae.code, 0) << vae.err;

  const auto teacher = [&](const std::string& run, const std::vector<std::string>& more) {
    std::vector<std::string> settings = {"model.vae=" + (folder / "vae/checkpoints/best").string(),
                                         "train.max_steps=4", "validation.every=2",
                                         "validation_steps=[1,2]"};
    settings.insert(settings.end(), more.begin(), more.end());
    return run_program("vdd", training("teacher", folder / "", run, settings));
  };
  const Finished whole = teacher("whole", {});
  ASSERT_EQ(whole.code, 0) << whole.err;
  const Finished half = teacher("half", {"train.max_steps=2"});
  ASSERT_EQ(half.code, 0) << half.err;
  const Finished rest = teacher("half", {"--resume"});
  ASSERT_EQ(rest.code, 0) << rest.err;
  for (const char* name :
       {"metrics.jsonl", "checkpoints/latest/unet/diffusion_pytorch_model.safetensors",
        "checkpoints/latest/trainer/optimizer.safetensors"}) {
    EXPECT_TRUE(content(folder / "whole" / name) == content(folder / "half" / name)) << name;
  }
  const std::string log = content(folder / "whole/metrics.jsonl");
  EXPECT_NE(log.find("\"valid/abs_rel_1\""), std::string::npos);
  EXPECT_NE(log.find("\"valid/delta1_2\""), std::string::npos);

  const Finished exported =
      run_program("vdd", {"export", (folder / "whole/checkpoints/latest").string(), "-o",
                          (folder / "model").string(), "--dtype", "fp32"});
  ASSERT_EQ(exported.code, 0) << exported.err;
  for (const char* name : {"model_index.json", "vae/config.json", "image_encoder/config.json"}) {
    EXPECT_TRUE(fs::is_regular_file(folder / "model" / name)) << name;
  }

  // Another UNet: the image encoder beside the VAE stays.
  const std::string vae_of_model = "model.vae=" + (folder / "model").string();
  const Finished other = teacher("other", {vae_of_model, "model.seed=1", "train.max_steps=2"});
  ASSERT_EQ(other.code, 0) << other.err;
  const auto weights = [&](const std::string& run, const std::string& part) {
    return content(folder / run / "teacher" / part);
  };
  EXPECT_TRUE(weights("other", "image_encoder/model.safetensors") ==
              weights("whole", "image_encoder/model.safetensors"));
  EXPECT_FALSE(weights("other", "unet/diffusion_pytorch_model.safetensors") ==
               weights("whole", "unet/diffusion_pytorch_model.safetensors"));
  const Finished misfit =
      teacher("misfit", {vae_of_model, "model.random_unet.cross_attention_dim=[64]"});
  EXPECT_EQ(misfit.code, 2) << misfit.err;
  EXPECT_NE(misfit.err.find("cross_attention_dim: must be 32"), std::string::npos) << misfit.err;
  const Finished odd = teacher("odd", {"model.random_image_encoder.projection_dim=64"});
  EXPECT_EQ(odd.code, 2) << odd.err;
  EXPECT_NE(odd.err.find("must be 64, the projection_dim of model.random_image_encoder"),
            std::string::npos)
      << odd.err;
}

}  // namespace
}  // namespace vdd::test
