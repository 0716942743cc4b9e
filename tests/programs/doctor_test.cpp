// SPDX-License-Identifier: Apache-2.0
#include "vdd/programs/doctor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/core/files.h"
#include "vdd/nn/initialize.h"
#include "vdd/pipeline/model_folder.h"
#include "vdd/pipeline/random_model.h"
#include "vdd/run/checkpoint.h"
#include "vdd/run/run_dir.h"

namespace vdd::programs {
namespace {

namespace fs = std::filesystem;
using test::TempDir;
using test::thrown;
using testing::HasSubstr;

/// A run with one checkpoint and two lines of metrics.
class RunDoctor : public testing::Test {
 protected:
  RunDoctor() {
    run::RunDir run(root, run::RunMode::kNew);
    run.write_config(
        read_file(fs::path(VDD_SOURCE_DIR) / "configs/tiny/stage1_deterministic.yaml", 1 << 20));
    run::RunFacts facts;
    facts.program = "distill_unet";
    run.write_manifest(facts, 0);
    write_file_atomic(root / "metrics.jsonl", "{\"step\":1}\n{\"step\":2}\n");
    pipeline::DepthModel model;
    model.unet = models::UNetSpatioTemporalConditionModel(models::tiny_unet());
    nn::initialize(*model.unet, 1);
    run::CheckpointStore(run, 1).save(
        2, [&](const fs::path& staged) { save_depth_model(staged, model); });
  }
  std::string refusal() {
    return thrown<Error>([&] { check_run(root); });
  }

  const TempDir dir;
  const fs::path root = dir / "run";
};

TEST_F(RunDoctor, AGoodRunIsCounted) {
  EXPECT_EQ(check_run(root), "2 lines of metrics, 1 checkpoints");
}

TEST_F(RunDoctor, ACutLastLineIsWhatAKilledRunLeaves) {
  write_file_atomic(root / "metrics.jsonl", "{\"step\":1}\n{\"st");
  EXPECT_EQ(check_run(root), "1 lines of metrics, 1 checkpoints");
}

TEST_F(RunDoctor, DamagedMetricsAreNamedByLine) {
  write_file_atomic(root / "metrics.jsonl", "{\"step\":1}\n{\"st\n{\"step\":3}\n");
  EXPECT_THAT(refusal(), HasSubstr("metrics.jsonl: line 2: is no JSON object with a step"));
  write_file_atomic(root / "metrics.jsonl", "{\"step\":2}\n{\"step\":1}\n");
  EXPECT_THAT(refusal(), HasSubstr("line 2: step 1 follows step 2"));
}

TEST_F(RunDoctor, ConfigAndManifestMustBeReadable) {
  const std::string config = read_file(root / "config.resolved.yaml", 1 << 20);
  write_file_atomic(root / "config.resolved.yaml", config + "\nno_such_key: 1\n");
  EXPECT_THAT(refusal(), HasSubstr("no_such_key: unknown key"));
  write_file_atomic(root / "config.resolved.yaml", config);
  write_file_atomic(root / "manifest.json", "{");
  EXPECT_THAT(refusal(), HasSubstr("manifest.json: is no JSON"));
  write_file_atomic(root / "manifest.json", "{\"program\": \"distill_decoder\"}");
  EXPECT_EQ(check_run(root), "2 lines of metrics, 1 checkpoints");
  write_file_atomic(root / "manifest.json", "{\"program\": 3}");
  EXPECT_THAT(refusal(), HasSubstr("program '' is unknown"));
}

TEST_F(RunDoctor, MetricsThatNestWithoutEndOrAreNoFileAreRefused) {
  const std::string deep(200000, '['), closed(200000, ']');
  write_file_atomic(root / "metrics.jsonl", "{\"step\":1,\"x\":" + deep + closed + "}\n");
  EXPECT_THAT(refusal(), HasSubstr("metrics.jsonl: line 1: is no JSON object with a step"));
  fs::remove(root / "metrics.jsonl");
  fs::create_symlink("/dev/zero", root / "metrics.jsonl");
  EXPECT_THAT(refusal(), HasSubstr("metrics.jsonl: is a device, not a file"));
}

TEST_F(RunDoctor, ADamagedCheckpointIsNamed) {
  const fs::path weights =
      root / "checkpoints/step-000002/unet/diffusion_pytorch_model.safetensors";
  std::string bytes = read_file(weights, 1 << 28);
  bytes.back() ^= 1;
  write_file_atomic(weights, bytes);
  EXPECT_THAT(refusal(), HasSubstr("diffusion_pytorch_model.safetensors"));
}

}  // namespace
}  // namespace vdd::programs
