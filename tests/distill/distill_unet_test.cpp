// SPDX-License-Identifier: Apache-2.0
#include "vdd/distill/distill_unet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "distill/distiller_fixture.h"
#include "support/clips.h"
#include "support/temp_dir.h"
#include "vdd/core/log.h"
#include "vdd/core/random.h"
#include "vdd/core/text.h"
#include "vdd/optim/amp.h"
#include "vdd/pipeline/sampling.h"
#include "vdd/tensor/random.h"

namespace vdd::distill {
namespace {

namespace fs = std::filesystem;
using test::content;
using test::TempDir;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::UnorderedElementsAreArray;

TEST(Shard, EverySampleBelongsToOne) {
  for (const std::int64_t samples : {0, 1, 7, 8, 9}) {
    for (const std::int64_t count : {1, 2, 8, 20}) {
      std::vector<std::int64_t> covered, all;
      for (std::int64_t index = 0; index < count; ++index) {
        const Shard shard{.index = index, .count = count};
        for (std::int64_t i = 0; i < shard.size(samples); ++i) covered.push_back(shard.sample(i));
      }
      for (std::int64_t n = 0; n < samples; ++n) all.push_back(n);
      EXPECT_THAT(covered, UnorderedElementsAreArray(all)) << samples << ' ' << count;
    }
  }
}

class UnetDistillerTest : public DistillerTest<DistillUnetConfig> {
 protected:
  UnetDistillerTest() { config_.teacher.steps = 3; }
  UnetDistiller distiller(const std::shared_ptr<ClipTargets>& given) {
    return {config_, parts(given)};
  }
};

TEST(NoiseSeed, IsWhatTheDocumentedFormulaGives) {
  // key[:15] as a number; int.from_bytes(sha256(f"{seed}/{index}/noise").digest()[:8], "little") >>
  // 1
  const std::string key = "c14fb69a2407371ee9202c2729c41ff9b25654d49f4d24713f2e30cd2529533f";
  EXPECT_EQ(noise_seed(true, 3, key, 11), 3921651137640477379);
  EXPECT_EQ(noise_seed(false, 3, key, 11), 7350180692515033386);
}

TEST_F(UnetDistillerTest, TheTargetIsTheTeachersSampleOfTheRedrawnNoise) {
  const data::Clip clip = dataset_->load(0, 0);
  const TeacherTarget target = targets()->get(clip, 0);

  auto model = pipeline::load_depth_model({.model = config_.model.teacher});
  const auto seed = static_cast<std::uint64_t>(target.noise_seed);
  const torch::Tensor pixels =
      tensor::randn(clip.rgb_TCHW.sizes(), derive_seed(seed, 0, "pixel_noise"));
  const auto conditioning =
      pipeline::encode_video(model.vae, model.image_encoder, clip.rgb_TCHW, 0.02, pixels);
  const torch::Tensor latent =
      pipeline::teacher_sample(model.unet, diffusion::EulerSchedule(model.scheduler), 3,
                               conditioning, tensor::randn({2, 4, 8, 16}, seed));
  EXPECT_TRUE(torch::equal(target.rgb_latent_TChw, conditioning.rgb_latent_TChw));
  EXPECT_TRUE(torch::equal(target.image_embeds_TD, conditioning.image_embeds_TD));
  EXPECT_TRUE(torch::equal(target.teacher_latent_TChw, latent));
}

TEST_F(UnetDistillerTest, TheStudentIsTheDenoiserInClosedForm) {
  for (const auto input : {pipeline::SamplerInput::kNoise, pipeline::SamplerInput::kRgbLatent}) {
    config_.student.input = input;
    const auto given = targets();
    UnetDistiller student = distiller(given);
    const TeacherTarget target = given->get(dataset_->load(0, 1), 1);

    auto unet = pipeline::load_unet(folders_.unet);
    const torch::Tensor start =
        config_.student.input == pipeline::SamplerInput::kNoise
            ? tensor::randn({2, 4, 8, 16}, static_cast<std::uint64_t>(target.noise_seed))
            : 0.18215 * target.rgb_latent_TChw;
    const double sigma = 700, root = std::sqrt(sigma * sigma + 1);
    const torch::Tensor u =
        unet(torch::cat({start, target.rgb_latent_TChw}, 1).unsqueeze(0),
             torch::tensor(0.25 * std::log(sigma)), target.image_embeds_TD.unsqueeze(0),
             torch::tensor({{7.0, 127.0, 0.02}}))
            .squeeze(0);
    const torch::Tensor expected = start * root / (root * root) - sigma / root * u;
    const torch::NoGradGuard no_grad;
    EXPECT_LT((student.denoise(target) - expected).abs().max().item<double>(), 2e-5)
        << to_name(input);
  }
}

TEST_F(UnetDistillerTest, ManyStepsAskForTheTeachersLatentAtTheNoiseLevelOfTheSample) {
  config_.student = {.input = pipeline::SamplerInput::kNoise,
                     .forward = StudentForward::kMultiStep};
  config_.loss.lambda = 0;
  const auto given = targets();
  UnetDistiller student = distiller(given);
  for (const std::int64_t n : {1, 2}) {
    const data::Clip clip = dataset_->load(0, n);
    const TeacherTarget target = given->get(clip, n);
    const torch::Tensor z = target.teacher_latent_TChw;
    const double sigma = diffusion::EulerSchedule()
                             .sigmas(3)[Random(derive_seed(0, n, "level")).below(3)]
                             .item<double>();
    const torch::Tensor x = z + sigma * tensor::randn(z.sizes(), derive_seed(0, n, "level_noise"));
    const double root = std::sqrt(sigma * sigma + 1);
    auto unet = pipeline::load_unet(folders_.unet);
    const torch::NoGradGuard no_grad;
    const torch::Tensor u =
        unet(torch::cat({x / root, target.rgb_latent_TChw}, 1).unsqueeze(0),
             torch::tensor(0.25 * std::log(sigma)), target.image_embeds_TD.unsqueeze(0),
             torch::tensor({{7.0, 127.0, 0.02}}))
            .squeeze(0);
    const torch::Tensor denoised = x / (root * root) - sigma / root * u;
    const double expected = (denoised - z).square().mean().item<double>();
    EXPECT_NEAR(student.step(clip, n).loss.total.item<double>(), expected, 1e-4 * expected);
  }
}

TEST_F(UnetDistillerTest, ManyStepsAreUsedInOne) {
  config_.student = {.input = pipeline::SamplerInput::kNoise};
  const auto given = targets();
  const TeacherTarget target = given->get(dataset_->load(0, 1), 1);
  const torch::NoGradGuard no_grad;
  const torch::Tensor one = distiller(given).denoise(target);
  config_.student.forward = StudentForward::kMultiStep;
  EXPECT_TRUE(torch::equal(distiller(given).denoise(target), one));
}

TEST_F(UnetDistillerTest, TheNoiseBelongsToTheClipOrToTheSample) {
  const data::ClipPlan plan = dataset_->plan(0, 0);
  const auto seed = [&](std::int64_t n) {
    return targets()->request(plan.content_key, plan.frames, n).noise_seed;
  };
  config_.student.input = pipeline::SamplerInput::kNoise;
  config_.student.noise = NoisePer::kSample;
  EXPECT_NE(seed(0), seed(1));
  config_.student.noise = NoisePer::kClip;
  EXPECT_EQ(seed(0), seed(1));
  config_.student = {.input = pipeline::SamplerInput::kRgbLatent, .noise = NoisePer::kSample};
  EXPECT_EQ(seed(0), seed(1));
}

TEST_F(UnetDistillerTest, LossAndGradientsDoNotDependOnTheCache) {
  const data::Clip clip = dataset_->load(0, 2);
  std::vector<std::map<std::string, torch::Tensor>> gradients;
  std::vector<torch::Tensor> losses;
  for (const fs::path& cache : {fs::path(), folder_ / "cache", folder_ / "cache"}) {
    const auto given = targets(cache);
    UnetDistiller student = distiller(given);
    const train::SampleLoss sample = student.step(clip, 2);
    sample.loss.total.backward();
    losses.push_back(sample.loss.total.detach());
    auto& own = gradients.emplace_back();
    for (const auto& [name, value] : student.selection().trained()) own[name] = value.grad();
    EXPECT_EQ(given->teacher().unet_loaded(), gradients.size() < 3) << "a hit loads no teacher";
  }
  for (const std::size_t other : {1, 2}) {
    EXPECT_TRUE(torch::equal(losses[0], losses[other]));
    for (const auto& [name, grad] : gradients[0]) {
      EXPECT_TRUE(torch::equal(grad, gradients[other].at(name))) << name;
    }
  }
}

TEST_F(UnetDistillerTest, SparesThePixelsOfClipsInTheCacheAndReadsThemAgainIfTheEntryIsDamaged) {
  const auto given = targets(folder_ / "cache");
  const data::ClipPlan plan = dataset_->plan(0, 0);
  EXPECT_TRUE(given->wants_pixels(plan));
  const TeacherTarget target = given->get(dataset_->load(plan), 0);
  EXPECT_FALSE(given->wants_pixels(plan));
  data::Clip blind;
  blind.content_key = plan.content_key;
  blind.frames = plan.frames;
  EXPECT_TRUE(identical(given->get(blind, 0), target));

  const TeacherCache cache(folder_ / "cache");
  const auto path = cache.path(given->key(blind, 0));
  fs::resize_file(path, fs::file_size(path) - 8);
  EXPECT_TRUE(identical(given->get(blind, 0), target));
  EXPECT_TRUE(cache_verify(folder_ / "cache").problems.empty()) << "written anew";
}

TEST_F(UnetDistillerTest, AnAnswerIsAsLongAsItsClip) {
  config_.data.frames = 3;
  config_.data.frames_min = 1;
  config_.data.clips = 10;
  dataset_ = std::make_shared<data::ClipDataset>(config_.data);
  const auto given = targets(folder_ / "cache");
  UnetDistiller student = distiller(given);
  std::set<std::int64_t> lengths;
  for (std::int64_t n = 0; n < 8; ++n) {
    const data::ClipPlan plan = dataset_->plan(0, n);
    if (!lengths.insert(plan.frames).second) continue;
    const data::Clip clip = dataset_->load(plan);
    const TeacherTarget target = given->get(clip, n);
    EXPECT_EQ(target.teacher_latent_TChw.size(0), plan.frames);
    EXPECT_EQ(target.image_embeds_TD.size(0), plan.frames);
    EXPECT_FALSE(given->wants_pixels(plan));
    student.step(clip, n).loss.total.backward();
  }
  EXPECT_EQ(lengths, (std::set<std::int64_t>{1, 2, 3}));
}

TEST_F(UnetDistillerTest, OnlyAnswersThatAreReadAgainAreKept) {
  using enum ClipTargets::Use;
  const data::Clip clip = dataset_->load(0, 0);
  int caches = 0;
  const auto kept = [&](ClipTargets::Use use) {
    const fs::path cache = folder_ / concat("cache", ++caches);
    targets(cache)->get(clip, 0, use);
    return fs::exists(cache);
  };
  EXPECT_TRUE(kept(kTraining));
  config_.student = {.input = pipeline::SamplerInput::kNoise, .noise = NoisePer::kClip};
  EXPECT_TRUE(kept(kTraining));
  config_.student.noise = NoisePer::kSample;
  EXPECT_FALSE(kept(kTraining)) << "a draw never comes twice";
  EXPECT_TRUE(kept(kValidation));
  config_.student = {.input = pipeline::SamplerInput::kRgbLatent};
  config_.data.clips = 0;
  EXPECT_FALSE(kept(kTraining)) << "hardly any clip comes twice";
  EXPECT_TRUE(kept(kValidation));
  config_.cache.max_size = "1KB";
  EXPECT_FALSE(kept(kValidation)) << "no room";
}

TEST_F(UnetDistillerTest, AnAnswerThatIsThereIsReadEvenIfNoneIsKept) {
  const data::ClipPlan plan = dataset_->plan(0, 0);
  const data::Clip clip = dataset_->load(plan);
  const TeacherTarget target = targets(folder_ / "cache")->get(clip, 0);
  config_.data.clips = 0;
  const auto given = targets(folder_ / "cache");
  EXPECT_FALSE(given->wants_pixels(plan));
  EXPECT_TRUE(identical(given->get(clip, 0), target));
  EXPECT_FALSE(given->teacher().unet_loaded());
}

TEST_F(UnetDistillerTest, WhatTheCacheWillGetIsLoggedBeforeTheRun) {
  log::add_file(folder_ / "log");
  config_.validation.clips = 5;
  const auto said = [&](std::int64_t clips) {
    config_.data.clips = clips;
    const std::size_t before = content(folder_ / "log").size();
    targets(folder_ / "cache")->reserve_disk(0, folder_.path(), {dataset_, 0});
    log::flush();
    return content(folder_ / "log").substr(before);
  };
  const std::string all = said(3), drawn = said(0);
  EXPECT_THAT(all, HasSubstr("cache: entries to add: about 8 (1 MiB); free disk: "));
  EXPECT_THAT(all, Not(HasSubstr("not cached")));
  EXPECT_THAT(drawn, HasSubstr("cache: entries to add: about 5 (1 MiB); free disk: "));
  EXPECT_THAT(drawn, HasSubstr("answers of training clips are not cached: data.clips is 0, so few "
                               "would be read again\n"));
  config_.student = {.input = pipeline::SamplerInput::kNoise, .noise = NoisePer::kSample};
  config_.cache.max_size = "3MiB";
  const std::string noise = said(3);
  EXPECT_THAT(noise, HasSubstr("not cached: student.noise is per_sample, so none would be read"));
  EXPECT_THAT(noise, HasSubstr("; left of cache.max_size: 3 MiB\n"));
}

TEST_F(UnetDistillerTest, AShardsForecastIsOfItsOwnSamples) {
  config_.validation.clips = 4;
  const auto given = targets(folder_ / "cache");
  const train::ValidationData validation = {dataset_, 0};
  EXPECT_EQ(given->forecast(7, validation, {.index = 0, .count = 3}).entries, 3 + 2);
  EXPECT_EQ(given->forecast(7, validation, {.index = 2, .count = 3}).entries, 2 + 1);
}

TEST_F(UnetDistillerTest, EveryInputOfATargetIsInItsKey) {
  const auto key = [&] {
    const auto given = targets();
    return cache_key(given->teacher().key_parts(given->request("abc", config_.data.frames, 0)));
  };
  std::set<std::string> keys = {key()};
  const auto changed = [&] { return keys.insert(key()).second; };
  EXPECT_FALSE(changed());
  config_.teacher.steps = 4;
  EXPECT_TRUE(changed());
  config_.teacher.noise_aug = 0.01;
  EXPECT_TRUE(changed());
  config_.teacher.target_dtype = "fp16";
  EXPECT_TRUE(changed());
  config_.teacher.dtype = "bf16";
  EXPECT_TRUE(changed());
  config_.teacher.vae_dtype = "bf16";
  EXPECT_TRUE(changed());
  config_.data.frames = 3;
  EXPECT_TRUE(changed());
  config_.train.seed = 1;
  EXPECT_TRUE(changed());
  const fs::path other = folder_ / "teacher";
  pipeline::write_random_teacher(other, {.seed = 1});
  for (const char* part : {"unet", "vae", "image_encoder"}) {
    auto& folder = std::string_view(part) == "unet"  ? folders_.unet
                   : std::string_view(part) == "vae" ? folders_.vae
                                                     : folders_.image_encoder;
    folder = other / part;
    EXPECT_TRUE(changed()) << part;
  }
}

TEST_F(UnetDistillerTest, KeysOfOlderCachesStayWhereTheVaeHasTheTypeThatItHadThen) {
  const auto dtype_part = [&](const std::string& dtype, const std::string& vae_dtype) {
    config_.teacher.dtype = dtype;
    config_.teacher.vae_dtype = vae_dtype;
    for (const auto& [name, value] : targets()->teacher().key_parts({})) {
      if (name == "dtype") return value;
    }
    return std::string("none");
  };
  EXPECT_EQ(dtype_part("fp32", "fp32"), "fp32");
  EXPECT_EQ(dtype_part("fp16", "fp32"), "fp16");
  EXPECT_EQ(dtype_part("bf16", "bf16"), "bf16");
  EXPECT_EQ(dtype_part("bf16", "fp32"), "bf16,vae=fp32");
}

TEST_F(UnetDistillerTest, ATeacherInHalfPrecisionEncodesInFloat32UnlessAskedOtherwise) {
  const data::Clip clip = dataset_->load(0, 0);
  const TeacherTarget whole = targets()->get(clip, 0);
  config_.teacher.dtype = "bf16";
  const TeacherTarget half = targets()->get(clip, 0);
  EXPECT_TRUE(torch::equal(half.rgb_latent_TChw, whole.rgb_latent_TChw));
  EXPECT_FALSE(torch::equal(half.teacher_latent_TChw, whole.teacher_latent_TChw));
  config_.teacher.vae_dtype = "bf16";
  const torch::Tensor latent = targets()->get(clip, 0).rgb_latent_TChw;
  EXPECT_FALSE(torch::equal(latent, whole.rgb_latent_TChw));
  EXPECT_TRUE(torch::equal(latent, latent.to(torch::kBFloat16).to(torch::kFloat32)));
}

TEST_F(UnetDistillerTest, ATargetDoesNotDependOnTheTypeThatTheCallerTrainsIn) {
  const data::Clip clip = dataset_->load(0, 0);
  const TeacherTarget alone = targets()->get(clip, 0);
  const optim::Autocast bf16(torch::kCPU, torch::kBFloat16);
  EXPECT_TRUE(identical(targets()->get(clip, 0), alone));
}

TEST_F(UnetDistillerTest, FrozenTensorsShareMemoryWithTheTeacher) {
  const auto given = targets();
  UnetDistiller student = distiller(given);
  given->get(dataset_->load(0, 0), 0);
  ASSERT_TRUE(given->teacher().unet_loaded());
  std::map<std::string, torch::Tensor> teacher;
  for (const auto& [name, value] : given->teacher().unet_parameters()) teacher[name] = value;
  for (const auto& p : student.selection().parameters) {
    EXPECT_EQ(p.tensor.data_ptr() == teacher.at(p.name).data_ptr(), !p.trained) << p.name;
  }
}

TEST_F(UnetDistillerTest, OneUpdateLeavesTheTeacherAsItWas) {
  const auto given = targets();
  UnetDistiller student = distiller(given);
  const data::Clip clip = dataset_->load(0, 0);
  const TeacherTarget before = given->get(clip, 0);
  optim::Optimizer optimizer(student.groups(), config_.optimizer);
  student.step(clip, 0).loss.total.backward();
  optimizer.step(1000);
  EXPECT_TRUE(identical(given->get(clip, 0), before));
}

TEST_F(UnetDistillerTest, AModelFolderReadsBackAsTheSameStudent) {
  const auto given = targets();
  UnetDistiller student = distiller(given);
  const TeacherTarget target = given->get(dataset_->load(0, 0), 0);
  optim::Optimizer optimizer(student.groups(), config_.optimizer);
  student.step(dataset_->load(0, 0), 0).loss.total.backward();
  optimizer.step(1000);
  const fs::path checkpoint = folder_ / "run/checkpoints/step-000001";
  fs::create_directories(checkpoint);
  student.save_model(checkpoint, 1);

  UnetDistiller again = distiller(targets());
  again.load_model(checkpoint);
  const torch::NoGradGuard no_grad;
  EXPECT_TRUE(torch::equal(student.denoise(target), again.denoise(target)));
  const auto found = pipeline::find_model(checkpoint);
  EXPECT_EQ(found.info.input, pipeline::SamplerInput::kRgbLatent);
  EXPECT_EQ(found.info.steps, 1);
  EXPECT_TRUE(fs::equivalent(found.vae, folders_.vae));
}

TEST_F(UnetDistillerTest, EveryTrainedTensorGetsAGradient) {
  UnetDistiller student = distiller(targets());
  train::audit(student, dataset_->load(0, 0));  // throws otherwise
}

TEST_F(UnetDistillerTest, ARandomTeachersLatentsDependOnVideoAndNoise) {
  config_.student = {.input = pipeline::SamplerInput::kNoise, .noise = NoisePer::kSample};
  config_.teacher.steps = 5;
  const auto given = targets();
  const data::Clip a = dataset_->load(0, 0);
  data::Clip b = dataset_->load(0, 0);
  for (std::int64_t n = 1; b.source_id.substr(0, 12) == a.source_id.substr(0, 12); ++n) {
    b = dataset_->load(0, n);
  }
  const torch::Tensor latent = given->get(a, 0).teacher_latent_TChw;
  const torch::Tensor other_noise = given->get(a, 1).teacher_latent_TChw;
  const torch::Tensor other_video = given->get(b, 0).teacher_latent_TChw;
  const double std = latent.std().item<double>();
  EXPECT_GT(std, 0.3);
  EXPECT_LT(std, 3);
  const auto distance = [&](const torch::Tensor& x) {
    return (latent - x).square().mean().sqrt().item<double>();
  };
  EXPECT_GT(distance(other_noise), 0.3 * std);
  EXPECT_GT(distance(other_video), distance(other_noise));
  EXPECT_NEAR(given->get(a, 0).rgb_latent_TChw.std().item<double>(), 1 / 0.18215, 4);
}

}  // namespace
}  // namespace vdd::distill
