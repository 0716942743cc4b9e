// SPDX-License-Identifier: Apache-2.0
#include <ATen/Parallel.h>

#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model_options.h"
#include "program.h"
#include "vdd/bench/stage_bench.h"
#include "vdd/config/writer.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"
#include "vdd/models/sizes.h"
#include "vdd/pipeline/random_model.h"
#include "vdd/tensor/device.h"
#include "vdd/tensor/dtype.h"
#include "vdd/tensor/meta_device.h"

namespace vdd::tools {
namespace {

struct BenchOptions {
  std::vector<std::filesystem::path> models;
  std::string random, size = "576x1024", stages, dtype = "fp32", vae_dtype = "fp32";
  tensor::ComputeConfig torch;
  bench::StageBenchConfig bench;
  bool flops_only = false, json = false;
};

std::pair<std::int64_t, std::int64_t> parse_size(const std::string& text) {
  const auto parts = split(text, 'x');
  const auto height = parts.size() == 2 ? parse_int(parts[0]) : std::nullopt;
  const auto width = parts.size() == 2 ? parse_int(parts[1]) : std::nullopt;
  if (!height || !width || *height < 1 || *width < 1) {
    throw ConfigError(concat("command line: --size: '", escape(text), "' is not HEIGHTxWIDTH"));
  }
  return {*height, *width};
}

/// A teacher of five steps, a student of one and the same with a head instead of the VAE decoder.
/// They share all weights: time is the same.
std::vector<bench::NamedModel> random_models(const BenchOptions& o, const pipeline::LoadTarget& to,
                                             torch::Dtype vae_dtype) {
  const auto sizes = o.random == "svd" ? models::svd_model() : models::tiny_model();
  const auto teacher = pipeline::random_model(sizes, /*seed=*/0, to, vae_dtype);
  auto student = teacher;
  student.info.steps = 1;
  student.info.input = pipeline::SamplerInput::kRgbLatent;
  auto with_head = student;
  with_head.info.decoder = pipeline::Decoder::kDpt;
  return {{"teacher", teacher}, {"student + VAE", student}, {"student + DPT", with_head}};
}

void run_bench(BenchOptions o) {
  if (o.models.empty() == o.random.empty()) {
    throw ConfigError("command line: either --model or --random is needed");
  }
  std::tie(o.bench.height, o.bench.width) = parse_size(o.size);
  if (!o.stages.empty()) o.bench.stages = split(o.stages, ',');
  const torch::Device device = tensor::configure_torch(o.torch);
  const pipeline::LoadTarget target{.dtype = tensor::parse_dtype(o.dtype),
                                    .device = o.flops_only ? torch::Device(torch::kMeta) : device};
  const torch::Dtype vae_dtype = tensor::parse_dtype(o.vae_dtype);
  std::optional<tensor::MetaDevice> meta;
  if (o.flops_only) meta.emplace();

  auto models =
      o.random.empty() ? std::vector<bench::NamedModel>() : random_models(o, target, vae_dtype);
  for (const auto& path : o.models) {
    const pipeline::ModelFolders folders = pipeline::find_model(path);
    const bool head = folders.info.decoder == pipeline::Decoder::kDpt;
    models.push_back({path.string(),
                      o.flops_only ? bench::load_shapes(folders, target.dtype, vae_dtype)
                                   : pipeline::load_depth_model(
                                         {.model = path, .target = target, .vae_dtype = vae_dtype},
                                         {.dpt_head = head})});
  }
  const auto result = bench::bench_stages(models, o.bench);
  std::cout << (o.json ? config::to_json(result) : bench::to_markdown(result));
}

}  // namespace

void add_bench(CLI::App& vdd) {
  auto o = std::make_shared<BenchOptions>();
  CLI::App* command =
      vdd.add_subcommand("bench", "measure time and operations per frame of each stage");
  command->add_option("-m,--model", o->models, "model folders");
  command->add_option("--random", o->random, "random weights of these sizes instead of --model")
      ->check(CLI::IsMember({"svd", "tiny"}));
  command->add_option("--size", o->size, "HEIGHTxWIDTH in pixels, multiples of 64 [576x1024]");
  command->add_option("--stages", o->stages, "stages to run, out of encode,denoise,decode [all]");
  add_dtypes(*command, o->dtype, o->vae_dtype);
  command->add_option("--device", o->torch.device, "cpu, cuda or cuda:N [cpu]");
  const auto number = [&](const char* name, std::int64_t& value, const char* help) {
    command->add_option(name, value, help)->check(CLI::Range(0, 1'000'000));
  };
  number("--threads", o->torch.threads, "CPU threads of tensor operations; 0: all cores [0]");
  number("--frames", o->bench.frames, "frames of the clip [110]");
  number("--chunk", o->bench.chunk, "frames that the VAE encodes or decodes at once [8]");
  number("--rounds", o->bench.rounds, "timed runs of each stage [5]");
  number("--warmup", o->bench.warmup, "untimed runs before the timed ones [2]");
  command->add_flag("--flops-only", o->flops_only, "count operations from the shapes; run nothing");
  command->add_flag("--json", o->json, "print the result as JSON");
  command->callback([o] { run_bench(*o); });
}

}  // namespace vdd::tools
