// SPDX-License-Identifier: Apache-2.0
#include "vdd/bench/stage_bench.h"

#include <ATen/Parallel.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <torch/cuda.h>
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <functional>
#include <iomanip>
#include <sstream>

#include "vdd/config/reader.h"
#include "vdd/core/error.h"
#include "vdd/core/random.h"
#include "vdd/core/system.h"
#include "vdd/core/text.h"
#include "vdd/core/validate.h"
#include "vdd/pipeline/random_model.h"
#include "vdd/pipeline/sampling.h"
#include "vdd/tensor/dtype.h"
#include "vdd/tensor/flop_counter.h"

namespace vdd::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Stage {
  StageCost cost;
  std::function<void()> run;
  std::vector<double> ms = {};  ///< of a frame, one per round
};

/// Inputs of the stages of one model. Noise stands in for pictures and latents: time does not
/// depend on values.
struct Inputs {
  torch::Tensor rgb_T3HW, noise_TChw;
  pipeline::Conditioning conditioning;
  std::vector<torch::Tensor> features;  ///< what a head in place of the VAE decoder takes
};

bool decodes_with_head(const pipeline::DepthModel& model) {
  return model.info.decoder == pipeline::Decoder::kDpt;
}

std::vector<torch::Tensor> make_features(const models::DptConfig& head,
                                         const StageBenchConfig& config,
                                         const torch::TensorOptions& options) {
  std::vector<torch::Tensor> features;
  for (std::size_t i = 0; i < head.taps.size(); ++i) {
    features.push_back(
        torch::randn({config.frames, head.in_channels[i], config.height / head.in_strides[i],
                      config.width / head.in_strides[i]},
                     options));
  }
  return features;
}

Inputs make_inputs(const pipeline::DepthModel& model, const StageBenchConfig& config) {
  const std::int64_t scale = model.vae->config().scale();
  const std::int64_t levels = std::int64_t{1}
                              << (model.unet->config().block_out_channels.size() - 1);
  if (config.height % (scale * levels) != 0 || config.width % (scale * levels) != 0) {
    throw ConfigError(concat("size: height and width must be multiples of ", scale * levels,
                             ", got ", config.height, "x", config.width));
  }
  const auto options = torch::TensorOptions(model.unet->device());
  std::vector<torch::Tensor> features;
  if (decodes_with_head(model)) {
    features = make_features(model.dpt_head->config(), config, options.dtype(model.unet->dtype()));
  }
  const std::int64_t T = config.frames, h = config.height / scale, w = config.width / scale;
  const std::int64_t C = model.vae->config().latent_channels;
  const std::int64_t D = model.image_encoder->config().projection_dim;
  return {.rgb_T3HW = torch::rand({T, 3, config.height, config.width}, options) * 2 - 1,
          .noise_TChw = torch::randn({T, C, h, w}, options),
          .conditioning = {.rgb_latent_TChw = torch::randn({T, C, h, w}, options),
                           .image_embeds_TD = torch::randn({T, D}, options)},
          .features = std::move(features)};
}

torch::Tensor denoise(pipeline::DepthModel& model, const Inputs& in) {
  const pipeline::VddInfo& info = model.info;
  const diffusion::EulerSchedule schedule(model.scheduler);
  if (info.steps > 1) {
    return pipeline::teacher_sample(model.unet, schedule, info.steps, in.conditioning,
                                    in.noise_TChw, info.noise_aug);
  }
  const double sigma = schedule.init_noise_sigma();
  const torch::Tensor x_TChw = info.input == pipeline::SamplerInput::kRgbLatent
                                   ? in.conditioning.rgb_latent_TChw * info.rgb_latent_scale
                                   : in.noise_TChw;
  return pipeline::denoise_once(model.unet, in.conditioning, x_TChw * sigma, sigma, info.noise_aug);
}

std::vector<Stage> stages_of(NamedModel& named, const StageBenchConfig& config) {
  pipeline::DepthModel& model = named.model;
  const auto in = std::make_shared<Inputs>(make_inputs(model, config));
  const double noise_aug = model.info.noise_aug;
  const std::int64_t chunk = config.chunk;
  const std::map<std::string, std::function<void()>> runs = {
      {"encode",
       [&model, in, noise_aug, chunk] {
         pipeline::encode_video(model.vae, model.image_encoder, in->rgb_T3HW, noise_aug,
                                in->rgb_T3HW, chunk);
       }},
      {"denoise", [&model, in] { denoise(model, *in); }},
      {"decode", [&model, in, config] {
         if (decodes_with_head(model)) {
           pipeline::normalize_disparity(
               model.dpt_head->forward(in->features, config.frames, config.height, config.width));
         } else {
           pipeline::decode_disparity(model.vae, in->noise_TChw, config.chunk);
         }
       }}};
  std::vector<Stage> stages;
  for (const std::string& name : config.stages) {
    StageCost cost{.model = named.name, .stage = name};
    if (name == "denoise") cost.steps = model.info.steps;
    stages.push_back({.cost = cost, .run = runs.at(name)});
  }
  return stages;
}

void synchronize(torch::Device device) {
  if (device.is_cuda()) torch::cuda::synchronize(device.index());
}

/// The kernel forgets the peak of this process, if it allows that.
bool reset_peak_memory(torch::Device device) {
  if (device.is_cuda()) {
    c10::getDeviceAllocator(device.type())->resetPeakStats(device.index());
    return true;
  }
  std::ofstream file("/proc/self/clear_refs");
  return static_cast<bool>(file << "5" << std::flush);
}

std::int64_t peak_memory(torch::Device device) {
  if (!device.is_cuda()) return peak_memory_bytes();
  const auto stats = c10::getDeviceAllocator(device.type())->getDeviceStats(device.index());
  return stats.allocated_bytes.front().peak;  // of all pools
}

double milliseconds(const std::function<void()>& work, torch::Device device) {
  synchronize(device);
  const auto start = Clock::now();
  work();
  synchronize(device);
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

void count(Stage& stage, std::int64_t frames) {
  const tensor::FlopCounter counter;
  stage.run();
  stage.cost.gflop =
      static_cast<double>(counter.flops().total()) / 1e9 / static_cast<double>(frames);
}

void finish(Stage& stage) {
  if (stage.ms.empty()) return;
  stage.cost.median_ms = median(stage.ms);
  stage.cost.minimum_ms = *std::min_element(stage.ms.begin(), stage.ms.end());
  stage.cost.gflop_per_s = stage.cost.gflop / *stage.cost.median_ms * 1000;
}

}  // namespace

StageBench bench_stages(std::vector<NamedModel>& models, const StageBenchConfig& config,
                        const std::function<void()>& before_each) {
  validate(config);
  if (models.empty()) throw ConfigError("bench: no model given");
  const torch::NoGradGuard no_grad;
  const torch::Device device = models.front().model.unet->device();
  std::vector<Stage> stages;
  for (NamedModel& model : models) {
    for (Stage& stage : stages_of(model, config)) stages.push_back(std::move(stage));
  }

  for (Stage& stage : stages) {
    before_each();
    count(stage, config.frames);
  }
  const std::int64_t rounds = device.is_meta() ? 0 : config.rounds;
  for (std::int64_t round = -config.warmup; rounds > 0 && round < rounds; ++round) {
    for (Stage& stage : stages) {
      before_each();
      const bool fresh = reset_peak_memory(device);
      const double ms = milliseconds(stage.run, device);
      if (round < 0) continue;
      stage.ms.push_back(ms / static_cast<double>(config.frames));
      if (fresh) {
        stage.cost.peak_bytes = std::max(stage.cost.peak_bytes.value_or(0), peak_memory(device));
      }
    }
  }

  StageBench bench{.version = version(),
                   .device = device.str(),
                   .dtype = tensor::dtype_name(models.front().model.unet->dtype()),
                   .vae_dtype = tensor::dtype_name(models.front().model.vae->dtype()),
                   .threads = at::get_num_threads(),
                   .config = config};
  for (Stage& stage : stages) {
    finish(stage);
    bench.rows.push_back(stage.cost);
  }
  return bench;
}

std::string to_markdown(const StageBench& bench) {
  std::ostringstream out;
  out.imbue(std::locale::classic());
  const StageBenchConfig& c = bench.config;
  const bool timed = bench.rows.front().median_ms.has_value();
  out << c.height << "x" << c.width << ", " << c.frames << " frames, chunks of " << c.chunk << ", "
      << bench.dtype;
  if (bench.vae_dtype != bench.dtype) out << " (VAE " << bench.vae_dtype << ')';
  if (timed) {
    out << ", " << bench.device << ", " << bench.threads << " threads, " << c.warmup
        << " runs to warm up, median and minimum of " << c.rounds << " in turns";
  }
  out << "\n\n| model | stage | GFLOP a frame |";
  if (timed) out << " ms a frame | at best | GFLOP/s | peak MiB |";
  out << "\n|---|---|---|" << (timed ? "---|---|---|---|" : "") << '\n';
  for (const StageCost& row : bench.rows) {
    out << "| " << escape(row.model) << " | " << row.stage;
    if (row.steps > 0) out << ", " << row.steps << (row.steps == 1 ? " step" : " steps");
    out << " | " << std::fixed << std::setprecision(2) << row.gflop << " |";
    if (row.median_ms) {
      out << ' ' << *row.median_ms << " | " << *row.minimum_ms << " | " << std::setprecision(1)
          << *row.gflop_per_s << " | ";
      if (row.peak_bytes) out << (*row.peak_bytes >> 20);
      out << " |";
    }
    out << '\n';
  }
  return out.str();
}

pipeline::DepthModel load_shapes(const pipeline::ModelFolders& folders, torch::Dtype dtype,
                                 torch::Dtype vae_dtype) {
  models::ModelSizes sizes{
      .unet = config::load_json<models::UNetConfig>(folders.unet / "config.json"),
      .vae = config::load_json<models::VaeConfig>(folders.vae / "config.json"),
      .image_encoder =
          config::load_json<models::ClipConfig>(folders.image_encoder / "config.json")};
  if (!folders.dpt_head.empty()) {
    sizes.dpt_head = config::load_json<models::DptConfig>(folders.dpt_head / "config.json");
  }
  pipeline::DepthModel model = pipeline::random_model(
      sizes, /*seed=*/0, {.dtype = dtype, .device = torch::kMeta}, vae_dtype);
  model.info = folders.info;
  return model;
}

}  // namespace vdd::bench
