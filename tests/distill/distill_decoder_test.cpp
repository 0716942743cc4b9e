// SPDX-License-Identifier: Apache-2.0
#include "vdd/distill/distill_decoder.h"

#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <map>
#include <set>

#include "distill/distiller_fixture.h"
#include "support/clips.h"
#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/io/safetensors.h"
#include "vdd/losses/affinity.h"
#include "vdd/nn/initialize.h"
#include "vdd/pipeline/sampling.h"

namespace vdd::distill {
namespace {

namespace fs = std::filesystem;
using test::TempDir;
using test::thrown;
using ::testing::HasSubstr;

class DecoderDistillerTest : public DistillerTest<DistillDecoderConfig> {
 protected:
  DecoderDistillerTest() {
    config_.teacher.steps = 2;
    config_.student.input = pipeline::SamplerInput::kRgbLatent;
    config_.head.variant = "tiny";
  }
  std::shared_ptr<ClipTargets> targets(const fs::path& cache = {}, bool latents_only = false) {
    return DistillerTest::targets(
        cache, latents_only ? std::nullopt : DecoderDistillation(config_).decoder_maps());
  }
  DecoderDistiller distiller(const std::shared_ptr<ClipTargets>& given) {
    return {config_, parts(given)};
  }
};

TEST_F(DecoderDistillerTest, TheTargetIsWhatTheVaeDecodesFromTheTeachersLatent) {
  config_.teacher.chunk = 1;  // a clip of its own for each frame
  const TeacherTarget target = targets()->get(dataset_->load(0, 0), 0);
  auto vae = pipeline::load_vae(folders_.vae);
  EXPECT_TRUE(torch::equal(target.disparity_THW,
                           pipeline::decode_disparity(vae, target.teacher_latent_TChw, 1)));
  EXPECT_EQ(target.disparity_THW.min().item<float>(), 0);
  EXPECT_EQ(target.disparity_THW.max().item<float>(), 1);
  ASSERT_EQ(target.features_TChw.size(), 1U);
  const torch::Tensor feature = target.features_TChw.at("decoder.up_blocks.0");
  const torch::NoGradGuard no_grad;
  for (std::int64_t t = 0; t < 2; ++t) {
    models::Taps taps;
    vae->decode(target.teacher_latent_TChw.slice(0, t, t + 1) / 0.18215, 1, &taps);
    const torch::Tensor whole = taps.tensors.at("decoder.up_blocks.0");
    EXPECT_EQ(whole.sizes(), torch::IntArrayRef({1, 64, 16, 32}));  // a quarter of the image
    EXPECT_TRUE(torch::equal(feature[t], losses::pool_features(whole, 4, 8)[0]));
  }
}

TEST_F(DecoderDistillerTest, ATeacherInHalfPrecisionDecodesInFloat32) {
  config_.teacher.dtype = "bf16";
  config_.teacher.chunk = 1;
  const TeacherTarget target = targets()->get(dataset_->load(0, 0), 0);
  auto vae = pipeline::load_vae(folders_.vae);
  EXPECT_TRUE(torch::equal(target.disparity_THW,
                           pipeline::decode_disparity(vae, target.teacher_latent_TChw, 1)));
}

TEST_F(DecoderDistillerTest, ACacheThatCannotBeWrittenChangesNoByte) {
  const data::Clip clip = dataset_->load(0, 0);
  const auto cached = targets(folder_.write("in the way", "") / "cache");
  EXPECT_TRUE(identical(cached->get(clip, 0), targets()->get(clip, 0)));
  EXPECT_EQ(cached->teacher().store().unwritten(), 1);
}

TEST_F(DecoderDistillerTest, TellsTheSizeOfWhatTheCacheLacks) {
  const auto bytes = [](const TeacherTarget& target) {
    auto sum = target.rgb_latent_TChw.nbytes() + target.image_embeds_TD.nbytes() +
               target.teacher_latent_TChw.nbytes();
    if (target.disparity_THW.defined()) sum += target.disparity_THW.nbytes();
    for (const auto& [map, value] : target.features_TChw) sum += value.nbytes();
    return static_cast<std::int64_t>(sum);
  };
  const data::Clip clip = dataset_->load(0, 0);
  for (const std::int64_t pool : {0, 16}) {
    for (const char* map : {"decoder.conv_in", "decoder.mid_block", "decoder.up_blocks.0",
                            "decoder.up_blocks.2", "decoder.up_blocks.3"}) {
      config_.loss.affinity.pairs = {{.student = "", .teacher = map, .pool = pool}};
      EXPECT_EQ(targets(folder_ / "cache")->forecast(2, {}).bytes,
                2 * bytes(targets()->get(clip, 0)))
          << map << ' ' << pool;
    }
  }
  const auto latents = targets(folder_ / "cache", /*latents_only=*/true);
  const CacheForecast both = latents->forecast(2, {});
  const std::int64_t one = bytes(latents->get(clip, 0));
  EXPECT_EQ(both.entries, 2);
  EXPECT_EQ(both.bytes, 2 * one);
  EXPECT_EQ(latents->forecast(2, {}).bytes, one);
  EXPECT_EQ(targets()->forecast(2, {}).entries, 0) << "no cache";
}

TEST_F(DecoderDistillerTest, LatentsOfStageOneAreDecodedNotComputedAnew) {
  const data::Clip clip = dataset_->load(0, 0);
  const TeacherTarget fresh = targets()->get(clip, 0);
  const auto first = targets(folder_ / "cache", /*latents_only=*/true);
  const TeacherTarget latents = first->get(clip, 0);
  EXPECT_FALSE(latents.disparity_THW.defined());
  const auto second = targets(folder_ / "cache");
  EXPECT_NE(first->key(clip, 0), second->key(clip, 0));
  EXPECT_TRUE(identical(second->get(clip, 0), fresh));
  EXPECT_FALSE(second->teacher().unet_loaded());
  const auto third = targets(folder_ / "cache");
  EXPECT_TRUE(identical(third->get(clip, 0), fresh));
  EXPECT_FALSE(third->teacher().vae_loaded());
  EXPECT_EQ(cache_verify(folder_ / "cache").entries, 2);
}

TEST_F(DecoderDistillerTest, AnswersToSeveralThreadsAreThoseToOneAndComputedOnce) {
  constexpr std::int64_t kClips = 3;
  const auto alone = targets(), together = targets(folder_ / "cache");
  std::vector<data::Clip> clips;
  for (std::int64_t n = 0; n < kClips; ++n) clips.push_back(dataset_->load(0, n));
  std::vector<std::future<TeacherTarget>> answers;
  for (std::int64_t n = 0; n < 2 * kClips; ++n) {
    answers.push_back(std::async(std::launch::async, [&, n] {
      at::init_num_threads();
      return together->get(clips[n % kClips], n % kClips);
    }));
  }
  std::set<std::string> keys;
  for (std::int64_t n = 0; n < 2 * kClips; ++n) {
    const data::Clip& clip = clips[n % kClips];
    EXPECT_TRUE(identical(answers[n].get(), alone->get(clip, n % kClips))) << n;
    keys.insert(together->key(clip, n % kClips));
  }
  EXPECT_EQ(together->teacher().store().computed(), std::ssize(keys));
}

TEST_F(DecoderDistillerTest, EveryMapOfATargetIsInItsKey) {
  const auto key = [&] { return targets()->key(data::Clip(), 0); };
  const std::string before = key();
  config_.loss.affinity.pairs[0].pool = 8;
  EXPECT_NE(key(), before);
  config_.loss.affinity.pairs[0] = {.teacher = "decoder.mid_block"};
  EXPECT_NE(key(), before);
  config_.loss.affinity.pairs[0].teacher = "decoder.up_block.0";
  EXPECT_THAT(thrown<ConfigError>(key),
              HasSubstr("no map 'decoder.up_block.0'; did you mean 'decoder.up_blocks.0'?"));
}

TEST_F(DecoderDistillerTest, TheLossIsThatOfHeadAndTeacher) {
  const auto given = targets();
  DecoderDistiller student = distiller(given);
  const data::Clip clip = dataset_->load(0, 1);
  const train::SampleLoss sample = student.step(clip, 1);
  const torch::NoGradGuard no_grad;
  const TeacherTarget target = given->get(clip, 1);
  const auto answer = student.answer(target);
  EXPECT_EQ(answer.disparity_THW.sizes(), torch::IntArrayRef({2, 64, 128}));
  EXPECT_EQ(answer.features_TChw[0].sizes(), torch::IntArrayRef({2, 32, 4, 8}));
  const torch::Tensor expected =
      losses::silog_loss(answer.disparity_THW, target.disparity_THW) +
      0.1 * losses::affinity_loss(answer.features_TChw[0],
                                  target.features_TChw.at("decoder.up_blocks.0")) +
      2 * losses::gradient_matching_loss(answer.disparity_THW, target.disparity_THW);
  EXPECT_NEAR(sample.loss.total.item<double>(), expected.item<double>(), 1e-5);
  EXPECT_EQ(sample.noise_seed, target.noise_seed);
}

TEST_F(DecoderDistillerTest, EveryTrainedTensorGetsAGradientAndNoIdleOneIsTrained) {
  DecoderDistiller student = distiller(targets());
  train::audit(student, dataset_->load(0, 0));  // throws otherwise
  std::map<std::string, bool> trained;
  for (const auto& p : student.selection().parameters) trained[p.name] = p.trained;
  for (const char* name : {"unet.conv_out.weight", "unet.conv_norm_out.weight",
                           "unet.up_blocks.3.attentions.0.transformer_blocks.0.attn2.to_q.weight",
                           "unet.mid_block.resnets.0.temporal_res_block.conv1.weight",
                           "dpt_head.scratch.refinenet4.resConfUnit1.conv1.weight"}) {
    ASSERT_TRUE(trained.contains(name)) << name;
    EXPECT_FALSE(trained.at(name)) << name;
  }
  for (const char* name :
       {"unet.conv_in.weight", "dpt_head.projects.0.weight",
        "dpt_head.motion_modules.0.temporal_transformer.transformer_blocks.0.norms.1.weight",
        "dpt_head.scratch.output_conv2.2.bias"}) {
    ASSERT_TRUE(trained.contains(name)) << name;
    EXPECT_TRUE(trained.at(name)) << name;
  }
}

TEST_F(DecoderDistillerTest, ALatentLossReachesTheLastLayersIfTheyTrain) {
  config_.loss.weights.latent = 1;
  config_.trained.patterns = optim::preset_patterns(optim::TrainedPreset::kSpatial);
  config_.trained.patterns.emplace_back("!refinenet4.resConfUnit1");
  DecoderDistiller student = distiller(targets());
  train::audit(student, dataset_->load(0, 0));
  const train::SampleLoss sample = student.step(dataset_->load(0, 0), 0);
  EXPECT_EQ(sample.loss.parts.back().first, "latent");
}

TEST_F(DecoderDistillerTest, UnetAndHeadHaveTheirOwnLearningRates) {
  config_.optimizer.lr = 1e-4;
  config_.head.lr = 1e-3;
  const auto groups = distiller(targets()).groups();
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[0].name, "unet");
  EXPECT_EQ(groups[0].lr, 1e-4);
  EXPECT_EQ(groups[1].name, "head");
  EXPECT_EQ(groups[1].lr, 1e-3);
  EXPECT_TRUE(groups[1].parameters[0].first.starts_with("dpt_head."));
}

TEST_F(DecoderDistillerTest, ACheckpointReadsBackAndStartsAnotherHead) {
  const auto given = targets();
  const data::Clip clip = dataset_->load(0, 0);
  const TeacherTarget target = given->get(clip, 0);
  DecoderDistiller student = distiller(given);
  optim::Optimizer optimizer(student.groups(), config_.optimizer);
  student.step(clip, 0).loss.total.backward();
  optimizer.step(1000);
  const fs::path checkpoint = folder_ / "run/checkpoints/step-000001";
  fs::create_directories(checkpoint);
  student.save_model(checkpoint, 1);

  const torch::NoGradGuard no_grad;
  const torch::Tensor expected = student.answer(target).disparity_THW;
  DecoderDistiller again = distiller(targets());
  EXPECT_FALSE(torch::equal(again.answer(target).disparity_THW, expected));
  again.load_model(checkpoint);
  EXPECT_TRUE(torch::equal(again.answer(target).disparity_THW, expected));

  const auto found = pipeline::find_model(checkpoint);
  EXPECT_EQ(found.info.decoder, pipeline::Decoder::kDpt);
  EXPECT_EQ(found.info.steps, 1);
  EXPECT_TRUE(fs::equivalent(found.vae, folders_.vae));

  config_.head.init_from = checkpoint.string();
  config_.model.student = checkpoint.string();
  EXPECT_TRUE(torch::equal(distiller(targets()).answer(target).disparity_THW, expected));
}

TEST_F(DecoderDistillerTest, AHeadStartsFromAFileOfVideoDepthAnything) {
  // The names of its files; those of the image encoder and of the first layers are not for us.
  models::TemporalDptHead theirs(models::dpt_config("tiny", models::tiny_unet()));
  nn::initialize(*theirs, 7);
  tensor::NamedTensors file = {{"pretrained.cls_token", torch::zeros({1, 1, 8})},
                               {"head.motion_modules.0.temporal_transformer.transformer_blocks.0."
                                "attention_blocks.0.pos_encoder.pe",
                                torch::zeros({1, 32, 32})}};
  for (const auto& [name, value] : tensor::state_dict(*theirs)) {
    const bool first = name.starts_with("projects.") || name.starts_with("resize_layers.");
    file.emplace_back("head." + name, first ? torch::zeros({1}) : value);
  }
  io::save_safetensors(folder_ / "vda.safetensors", file);
  config_.head.init_from = (folder_ / "vda.safetensors").string();
  DecoderDistiller student = distiller(targets());
  std::map<std::string, torch::Tensor> ours;
  for (const auto& p : student.selection().parameters) ours[p.name] = p.tensor;
  for (const auto& [name, value] : tensor::state_dict(*theirs)) {
    if (!name.starts_with("scratch.") && !name.starts_with("motion_modules.")) continue;
    EXPECT_TRUE(torch::equal(ours.at("dpt_head." + name), value)) << name;
  }

  file.pop_back();
  io::save_safetensors(folder_ / "vda.safetensors", file);
  EXPECT_THAT(thrown<DataError>([&] { distiller(targets()); }), HasSubstr("1 missing"));
  file.erase(std::next(file.begin()), file.end());
  io::save_safetensors(folder_ / "vda.safetensors", file);
  EXPECT_THAT(thrown<DataError>([&] { open_head_start(folder_ / "vda.safetensors"); }),
              HasSubstr("holds no scratch.*"));
  EXPECT_THAT(
      thrown<DataError>([&] { open_head_start(fs::path(VDD_FIXTURES) / "io/torch/command.pth"); }),
      HasSubstr("posix.mkdir"));
}

TEST_F(DecoderDistillerTest, FrozenTensorsShareMemoryWithTheTeacher) {
  const auto given = targets();
  DecoderDistiller student = distiller(given);
  given->get(dataset_->load(0, 0), 0);
  std::map<std::string, torch::Tensor> teacher;
  for (const auto& [name, value] : given->teacher().unet_parameters())
    teacher["unet." + name] = value;
  for (const auto& p : student.selection().parameters) {
    if (!teacher.contains(p.name)) continue;
    EXPECT_EQ(p.tensor.data_ptr() == teacher.at(p.name).data_ptr(), !p.trained) << p.name;
  }
}

}  // namespace
}  // namespace vdd::distill
