// SPDX-License-Identifier: Apache-2.0
#include "vdd/bench/stage_bench.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pipeline/tiny_model.h"
#include "support/field_count.h"
#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/io/safetensors.h"
#include "vdd/pipeline/random_model.h"
#include "vdd/pipeline/sampling.h"
#include "vdd/tensor/flop_counter.h"
#include "vdd/tensor/meta_device.h"

namespace vdd::bench {
namespace {

using ::testing::HasSubstr;

/// Counts of PyTorch's FlopCounterMode, see tools/reference/make_flop_fixtures.py.
std::int64_t reference(const char* name) {
  static const io::SafetensorsFile file(VDD_FIXTURES "/flops.safetensors");
  return file.get(name).item<std::int64_t>();
}

std::int64_t count(const std::function<void()>& work) {
  const torch::NoGradGuard no_grad;
  const tensor::FlopCounter counter;
  work();
  return counter.flops().total();
}

pipeline::DepthModel shapes_of(pipeline::DepthModel& model) {
  return pipeline::random_model({.unet = model.unet->config(),
                                 .vae = model.vae->config(),
                                 .image_encoder = model.image_encoder->config()},
                                0, {.device = torch::kMeta});
}

StageBenchConfig small() {
  return {.height = 16, .width = 32, .frames = 3, .chunk = 8, .rounds = 2, .warmup = 0};
}

TEST(StageBench, ModelsCostWhatPyTorchCountsForTheOriginals) {
  auto real = test::tiny_model();
  const tensor::MetaDevice meta;
  auto shapes = shapes_of(real);
  for (pipeline::DepthModel* model : {&real, &shapes}) {
    const auto options = torch::TensorOptions(model->unet->device());
    const auto latent = [&](std::int64_t channels) {
      return torch::zeros({3, channels, 8, 16}, options);
    };
    EXPECT_EQ(count([&] {
                model->unet->forward(latent(8).unsqueeze(0), torch::zeros({1}),
                                     torch::zeros({1, 3, 16}, options), pipeline::added_time_ids());
              }),
              reference("unet"));
    EXPECT_EQ(count([&] {
                model->vae->encode_moments(torch::zeros({3, 3, 16, 32}, options));
              }),
              reference("vae_encode"));
    EXPECT_EQ(count([&] { model->vae->decode(latent(4), 3); }), reference("vae_decode"));
    EXPECT_EQ(count([&] {
                model->image_encoder->forward(torch::zeros({3, 3, 224, 224}, options));
              }),
              reference("image_encoder"));
  }
  // What folding the cross-attention to one token saves.
  EXPECT_LT(reference("unet"), reference("unet_diffusers"));
}

TEST(StageBench, AFullSizeFrameCostsWhatThePublishedSizesSay) {
  // tools/reference/make_flop_fixtures.py --full: 2.609 and 6.943 TFLOP; the UNet 3.087 of the
  // 3.204 of diffusers.
  const tensor::MetaDevice meta;
  std::vector<NamedModel> models = {
      {"teacher", pipeline::random_model(models::svd_model(), 0, {.device = torch::kMeta})}};
  models[0].model.info.steps = 2;
  const StageBench bench = bench_stages(models, {.frames = 110, .stages = {"denoise", "decode"}});
  EXPECT_NEAR(bench.rows[0].gflop / 2, 3087.1, 0.1);
  EXPECT_NEAR(bench.rows[1].gflop, 6943.0, 10);  // the last chunk has 6 frames
  EXPECT_FALSE(bench.rows[0].median_ms);
}

TEST(StageBench, TheLargeHeadCostsWhatItsMultiplicationsSay) {
  // 328 GMAC a frame: the convolutions and linear layers of Video-Depth-Anything's head on SVD's
  // taps; a multiplication with its addition is two operations.
  const tensor::MetaDevice meta;
  std::vector<NamedModel> models = {
      {"student", pipeline::random_model(models::svd_model(), 0, {.device = torch::kMeta})}};
  models[0].model.info.decoder = pipeline::Decoder::kDpt;
  const StageBench bench = bench_stages(models, {.frames = 110, .stages = {"decode"}});
  EXPECT_NEAR(bench.rows[0].gflop / 2, 328, 10);
}

TEST(StageBench, DecodesWithTheHeadOfAModelThatHasOne) {
  auto model = test::tiny_model();
  model.dpt_head = test::tiny_head(model);
  std::vector<NamedModel> models = {{"with VAE", model}, {"with head", model}};
  models[1].model.info.decoder = pipeline::Decoder::kDpt;
  StageBenchConfig config = small();
  config.stages = {"decode"};
  config.height = config.width = 32;
  const StageBench bench = bench_stages(models, config);
  const double head = static_cast<double>(count([&] {
    const auto feature = [&](std::size_t i) {
      const models::DptConfig& c = model.dpt_head->config();
      return torch::zeros({3, c.in_channels[i], 32 / c.in_strides[i], 32 / c.in_strides[i]});
    };
    model.dpt_head->forward({feature(0), feature(1), feature(2), feature(3)}, 3, 32, 32);
  }));
  EXPECT_DOUBLE_EQ(bench.rows[1].gflop * 3e9, head);
  EXPECT_NE(bench.rows[0].gflop, bench.rows[1].gflop);
  EXPECT_TRUE(bench.rows[1].median_ms);
}

TEST(StageBench, RowsAreModelsTimesStagesInTheOrderGiven) {
  std::vector<NamedModel> models = {{"teacher", test::tiny_model()}, {"student", {}}};
  models[1].model = models[0].model;  // shared
  models[0].model.info.steps = 3;
  models[1].model.info.steps = 1;
  models[1].model.info.input = pipeline::SamplerInput::kRgbLatent;
  const StageBench bench = bench_stages(models, small());
  ASSERT_EQ(bench.rows.size(), 6u);
  EXPECT_EQ(bench.rows[0].stage, "encode");
  EXPECT_EQ(bench.rows[4].model, "student");
  EXPECT_EQ(bench.rows[4].stage, "denoise");
  EXPECT_DOUBLE_EQ(bench.rows[1].gflop, 3 * bench.rows[4].gflop);
  EXPECT_DOUBLE_EQ(bench.rows[4].gflop * 3e9, static_cast<double>(reference("unet")));
  EXPECT_DOUBLE_EQ(bench.rows[2].gflop * 3e9, static_cast<double>(reference("vae_decode")));
  for (const StageCost& row : bench.rows) {
    ASSERT_TRUE(row.median_ms && row.minimum_ms && row.gflop_per_s);
    EXPECT_GT(*row.minimum_ms, 0);
    EXPECT_LE(*row.minimum_ms, *row.median_ms);
    EXPECT_NEAR(*row.gflop_per_s, row.gflop / (*row.median_ms / 1000), 1e-6 * *row.gflop_per_s);
  }
  EXPECT_THAT(to_markdown(bench), HasSubstr("\n| student | denoise, 1 step | "));
}

TEST(StageBench, CanBeEndedBeforeAnyRunOfAStage) {
  std::vector<NamedModel> models = {{"m", test::tiny_model()}};
  int runs = 0;
  bench_stages(models, small(), [&] { ++runs; });
  EXPECT_EQ(runs, 3 * (1 + 2));  // counted once, timed twice
  int left = 4;
  EXPECT_THROW(bench_stages(models, small(),
                            [&] {
                              if (--left == 0) throw Error("stopped", ExitCode::kResumable);
                            }),
               Error);
  EXPECT_EQ(left, 0);
}

TEST(StageBench, ReadsShapesWithoutWeights) {
  const test::TempDir folder;
  save_depth_model(folder / "model", test::tiny_model());
  std::filesystem::remove(folder.path() / "model/unet/diffusion_pytorch_model.safetensors");
  const tensor::MetaDevice meta;
  std::vector<NamedModel> models = {{"m", load_shapes(pipeline::find_model(folder / "model"))}};
  const StageBench bench = bench_stages(models, small());
  EXPECT_EQ(bench.device, "meta");
  EXPECT_DOUBLE_EQ(bench.rows[1].gflop * 3e9, 5 * static_cast<double>(reference("unet")));
}

TEST(StageBench, NamesTheTypeOfTheVaeIfItIsAnother) {
  const test::TempDir folder;
  save_depth_model(folder / "model", test::tiny_model());
  const auto folders = pipeline::find_model(folder / "model");
  const tensor::MetaDevice meta;
  const auto bench = [&](torch::Dtype vae_dtype) {
    std::vector<NamedModel> models = {{"m", load_shapes(folders, torch::kBFloat16, vae_dtype)}};
    return bench_stages(models, small());
  };
  const StageBench other = bench(torch::kFloat32), same = bench(torch::kBFloat16);
  EXPECT_EQ(other.dtype, "bf16");
  EXPECT_EQ(other.vae_dtype, "fp32");
  EXPECT_THAT(to_markdown(other), HasSubstr(", bf16 (VAE fp32)\n"));
  EXPECT_EQ(same.vae_dtype, "bf16");
  EXPECT_THAT(to_markdown(same), HasSubstr(", bf16\n"));
}

TEST(StageBench, RefusesASizeThatDoesNotDivide) {
  std::vector<NamedModel> models = {{"m", test::tiny_model()}};
  StageBenchConfig config = small();
  config.height = 18;
  EXPECT_EQ(test::thrown<ConfigError>([&] { bench_stages(models, config); }),
            "size: height and width must be multiples of 4, got 18x32");
}

TEST(StageBench, RefusesWhatItCannotRun) {
  std::vector<NamedModel> models = {{"m", test::tiny_model()}};
  const auto refusal = [&](auto change) {
    StageBenchConfig config = small();
    change(config);
    return test::thrown<ConfigError>([&] { bench_stages(models, config); });
  };
  EXPECT_THAT(refusal([](auto& c) { c.frames = 0; }), HasSubstr("frames: must be > 0"));
  EXPECT_THAT(refusal([](auto& c) { c.chunk = 0; }), HasSubstr("chunk: must be > 0"));
  EXPECT_THAT(refusal([](auto& c) { c.stages = {"encod"}; }),
              HasSubstr("stages.0: must be one of encode, denoise, decode"));
}

TEST(StageBench, ListsEveryField) {
  EXPECT_EQ(test::listed_fields<StageBenchConfig>(), test::count_members<StageBenchConfig>());
  EXPECT_EQ(test::listed_fields<StageCost>(), test::count_members<StageCost>());
  EXPECT_EQ(test::listed_fields<StageBench>(), test::count_members<StageBench>());
}

}  // namespace
}  // namespace vdd::bench
