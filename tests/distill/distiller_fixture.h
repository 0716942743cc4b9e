// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "support/clips.h"
#include "support/temp_dir.h"
#include "vdd/distill/distiller.h"
#include "vdd/pipeline/random_model.h"

namespace vdd::distill {

/// One random teacher and a few clips for all tests of a stage.
template <typename Config>
class DistillerTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    shared_ = std::make_unique<test::TempDir>();
    test::write_clips(*shared_ / "clips", 3, 6, 64, 128);
    pipeline::write_random_teacher(*shared_ / "teacher", {});
  }
  static void TearDownTestSuite() { shared_.reset(); }

  DistillerTest() {
    config_.data.root = (*shared_ / "clips").string();
    config_.data.holdout = {};
    config_.data.clips = 100;  // more than a test draws; a cache keeps their answers
    config_.data.frames = 2;
    config_.data.height = 64;
    config_.data.width = 128;
    config_.model.teacher = (*shared_ / "teacher").string();
    config_.validation.every = 0;
    dataset_ = std::make_shared<data::ClipDataset>(config_.data);
    folders_ = pipeline::find_model(config_.model.teacher);
  }

  std::shared_ptr<ClipTargets> targets(const std::filesystem::path& cache = {},
                                       std::optional<DecoderMaps> maps = {}) {
    auto teacher =
        std::make_shared<Teacher>(folders_, config_.teacher, cache, torch::kCPU, std::move(maps));
    return std::make_shared<ClipTargets>(config_, std::move(teacher), dataset_);
  }
  DistillerParts parts(const std::shared_ptr<ClipTargets>& given) {
    return {.targets = given, .teacher = config_.model.teacher, .setup = {.training = dataset_}};
  }

  inline static std::unique_ptr<test::TempDir> shared_;
  test::TempDir folder_;
  Config config_;
  std::shared_ptr<data::ClipDataset> dataset_;
  pipeline::ModelFolders folders_;
};

}  // namespace vdd::distill
