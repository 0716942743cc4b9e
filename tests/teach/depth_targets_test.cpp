// SPDX-License-Identifier: Apache-2.0
#include "vdd/teach/depth_targets.h"

#include <gtest/gtest.h>

#include "support/temp_dir.h"
#include "vdd/core/error.h"
#include "vdd/core/random.h"
#include "vdd/distill/clip_targets.h"
#include "vdd/scenes/sample_data.h"
#include "vdd/tensor/random.h"

namespace vdd::teach {
namespace {

namespace fs = std::filesystem;
using test::TempDir;

/// Rendered clips with depth and a random model for all tests.
class DepthTargetsTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    shared_ = std::make_unique<TempDir>();
    pipeline::write_random_teacher(*shared_ / "teacher", {});
    scenes::write_sample_data(
        *shared_ / "data", {.sequences = 2, .frames = 4, .height = 64, .width = 64, .threads = 1});
  }
  static void TearDownTestSuite() { shared_.reset(); }

  DepthTargetsTest()
      : model_(pipeline::load_depth_model({.model = *shared_ / "teacher", .hash = true})) {
    config_.data.root = (*shared_ / "data").string();
    config_.data.holdout = {};
    config_.data.frames = 2;
    config_.data.height = config_.data.width = 64;
    config_.data.rgb_only = false;
    dataset_ = std::make_shared<data::ClipDataset>(config_.data);
  }
  DepthTargets targets(const fs::path& cache = {}) const {
    return {config_, model_, dataset_, cache, torch::kCPU};
  }

  static std::unique_ptr<TempDir> shared_;
  TempDir folder_;
  TrainTeacherConfig config_;
  pipeline::DepthModel model_;
  std::shared_ptr<data::ClipDataset> dataset_;
};
std::unique_ptr<TempDir> DepthTargetsTest::shared_;

TEST_F(DepthTargetsTest, TheDepthLatentIsTheScaledModeOfTheGreyDisparity) {
  auto vae = model_.vae;
  const torch::Tensor disparity = tensor::randn({3, 64, 64}, 2).sigmoid();
  const torch::Tensor grey = (2 * disparity - 1).unsqueeze(1).repeat({1, 3, 1, 1});
  const torch::Tensor expected = vae->encode_mode(grey) * vae->config().scaling_factor;
  // Sums of another batch size are rounded otherwise.
  EXPECT_LT((depth_latent(vae, disparity, 2) - expected).abs().max().item<double>(),
            1e-4 * expected.abs().max().item<double>());
}

TEST_F(DepthTargetsTest, TheNoiseOnThePixelsBelongsToTheClip) {
  const data::Clip clip = dataset_->load(0, 0);
  const distill::TeacherTarget target = targets().get(clip, 0);
  EXPECT_EQ(target.noise_seed, distill::noise_seed(true, 0, clip.content_key, 0));
  const auto expected = pipeline::encode_video(
      model_.vae, model_.image_encoder, clip.rgb_TCHW, 0.02,
      tensor::randn(clip.rgb_TCHW.sizes(),
                    derive_seed(static_cast<std::uint64_t>(target.noise_seed), 0, "pixel_noise")));
  EXPECT_TRUE(torch::equal(target.rgb_latent_TChw, expected.rgb_latent_TChw));
  EXPECT_TRUE(torch::equal(target.image_embeds_TD, expected.image_embeds_TD));
  EXPECT_TRUE(distill::identical(targets().get(clip, 99), target));
}

TEST_F(DepthTargetsTest, TheCacheSparesThePixelsAndGivesTheSameBytes) {
  const data::ClipPlan plan = dataset_->plan(0, 3);
  const distill::TeacherTarget fresh = targets().get(dataset_->load(plan), 3);
  EXPECT_TRUE(targets().wants_pixels(plan));

  DepthTargets cached = targets(folder_.path());
  EXPECT_TRUE(cached.wants_pixels(plan));
  EXPECT_TRUE(distill::identical(cached.get(dataset_->load(plan), 3), fresh));
  EXPECT_FALSE(cached.wants_pixels(plan));
  data::Clip blind;
  blind.content_key = plan.content_key;
  EXPECT_TRUE(distill::identical(targets(folder_.path()).get(blind, 3), fresh));

  // Gone since the loader looked: the pixels are read after all.
  fs::remove_all(folder_.path());
  EXPECT_TRUE(distill::identical(cached.get(blind, 3), fresh));
}

TEST_F(DepthTargetsTest, ACacheThatCannotBeWrittenChangesNoByte) {
  const data::Clip clip = dataset_->load(0, 3);
  DepthTargets cached = targets(folder_.write("in the way", "") / "cache");
  EXPECT_TRUE(distill::identical(cached.get(clip, 3), targets().get(clip, 3)));
  EXPECT_EQ(cached.store().unwritten(), 1);
}

TEST_F(DepthTargetsTest, TellsTheSizeOfWhatTheCacheLacks) {
  config_.data.clips = 2;
  dataset_ = std::make_shared<data::ClipDataset>(config_.data);
  EXPECT_EQ(targets().forecast().bytes, 0);
  DepthTargets cached = targets(folder_ / "cache");
  const distill::TeacherTarget target = cached.get(dataset_->load(0, 1), 1);
  const auto entry =
      static_cast<std::int64_t>(target.rgb_latent_TChw.nbytes() + target.image_embeds_TD.nbytes() +
                                target.teacher_latent_TChw.nbytes());
  EXPECT_EQ(cached.forecast().bytes, entry);
  EXPECT_EQ(targets(folder_ / "empty").forecast().bytes, 2 * entry);
  EXPECT_EQ(targets(folder_ / "empty").forecast().entries, 2);
}

TEST_F(DepthTargetsTest, ACacheThatIsFullChangesNoByte) {
  config_.cache.max_size = "1KB";
  const data::Clip clip = dataset_->load(0, 3);
  DepthTargets cached = targets(folder_ / "cache");
  EXPECT_TRUE(distill::identical(cached.get(clip, 3), targets().get(clip, 3)));
  EXPECT_FALSE(fs::exists(folder_ / "cache"));
}

TEST_F(DepthTargetsTest, WhatDeterminesTheAnswerIsInTheKey) {
  const data::ClipPlan plan = dataset_->plan(0, 0);
  targets(folder_.path()).get(dataset_->load(plan), 0);
  ASSERT_FALSE(targets(folder_.path()).wants_pixels(plan));
  for (auto* value : {&model_.vae_hash, &model_.image_encoder_hash}) {
    const std::string before = std::exchange(*value, "other");
    EXPECT_TRUE(targets(folder_.path()).wants_pixels(plan)) << before;
    *value = before;
  }
  config_.data.disparity_range = data::DisparityRange::kQuantile;
  EXPECT_TRUE(targets(folder_.path()).wants_pixels(plan));
  config_.data.disparity_range = {};
  config_.noise.noise_aug = 0.1;
  EXPECT_TRUE(targets(folder_.path()).wants_pixels(plan));
}

TEST_F(DepthTargetsTest, MoreDataKeepsTheCache) {
  const data::ClipPlan plan = dataset_->plan(0, 0);
  targets(folder_.path()).get(dataset_->load(plan), 0);
  config_.data.root.clear();
  config_.data.sources = {
      {.kind = data::SourceKind::kVirtualKitti, .root = (*shared_ / "data" / "vkitti2").string()}};
  const auto other = std::make_shared<data::ClipDataset>(config_.data);
  ASSERT_NE(other->fingerprint().text(), dataset_->fingerprint().text());
  EXPECT_FALSE(
      DepthTargets(config_, model_, other, folder_.path(), torch::kCPU).wants_pixels(plan));
}

TEST_F(DepthTargetsTest, AClipWithoutDepthIsRefused) {
  data::Clip clip = dataset_->load(0, 0);
  clip.disparity_THW = torch::Tensor();
  EXPECT_THROW(targets().get(clip, 0), DataError);
}

}  // namespace
}  // namespace vdd::teach
