// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "vdd/core/field_checks.h"
#include "vdd/pipeline/model_folder.h"

// What a frame costs, stage by stage: encode (image encoder and VAE encoder), denoise (the UNet, as
// often as the model asks for), decode (VAE decoder or head, disparity).
namespace vdd::bench {

struct StageBenchConfig {
  std::int64_t height = 576;
  std::int64_t width = 1024;
  std::int64_t frames = 110;
  std::int64_t chunk = 8;
  std::int64_t rounds = 5;
  std::int64_t warmup = 2;
  std::vector<std::string> stages = {"encode", "denoise", "decode"};

  constexpr void fields(auto& f) {
    f("height", height, "height of a frame, in pixels", positive);
    f("width", width, "width of a frame, in pixels", positive);
    f("frames", frames, "frames of the clip, which is denoised as one window", positive);
    f("chunk", chunk, "frames that the VAE encodes or decodes at once", positive);
    f("rounds", rounds, "timed runs of each stage; 0: only count operations", non_negative);
    f("warmup", warmup, "untimed runs before the timed ones", non_negative);
    f("stages", stages, "stages to run", non_empty, one_of("encode", "denoise", "decode"));
  }
};

/// One row of the table.
struct StageCost {
  std::string model = {};
  std::string stage = {};
  std::int64_t steps = 0;
  double gflop = 0;
  std::optional<double> median_ms = {};
  std::optional<double> minimum_ms = {};
  std::optional<double> gflop_per_s = {};
  std::optional<std::int64_t> peak_bytes = {};

  constexpr void fields(auto& f) {
    f("model", model, "as given");
    f("stage", stage, "encode, denoise or decode");
    f("steps", steps, "sampler steps of the denoising");
    f("gflop", gflop, "operations of a frame, in 1e9");
    f("median_ms", median_ms, "milliseconds of a frame");
    f("minimum_ms", minimum_ms, "milliseconds of a frame");
    f("gflop_per_s", gflop_per_s, "operations a second at the median, in 1e9");
    f("peak_bytes", peak_bytes, "most memory while the stage ran");
  }
};

/// Result of a measurement, with where and how it was taken.
struct StageBench {
  std::string version = {};
  std::string device = {};
  std::string dtype = {};
  std::string vae_dtype = {};
  std::int64_t threads = 0;
  StageBenchConfig config = {};
  std::vector<StageCost> rows = {};

  constexpr void fields(auto& f) {
    f("version", version, "version of vdd");
    f("device", device, "where it ran; meta: nowhere, shapes only");
    f("dtype", dtype, "dtype of the UNet");
    f("vae_dtype", vae_dtype, "dtype of the VAE");
    f("threads", threads, "CPU threads of tensor operations");
    f("config", config, "sizes and repetitions");
    f("rows", rows, "one per model and stage");
  }
};

struct NamedModel {
  std::string name;
  pipeline::DepthModel model;
};

/// Runs every stage of every model on noise, in rounds: each round runs each stage of each model
/// once, so that a change of the machine's speed meets all alike. Operations are counted in an
/// extra run before the first. On the meta device (inside a tensor::MetaDevice) nothing is timed.
/// Models may share parts. `before_each` is called before every run of a stage, and ends the
/// measurement by what it throws. Throws ConfigError, ShapeError if the size does not fit a model.
StageBench bench_stages(
    std::vector<NamedModel>& models, const StageBenchConfig& config,
    const std::function<void()>& before_each = [] {});

/// Writes the result as Markdown, for people.
std::string to_markdown(const StageBench& bench);

/// All parts on the meta device, by the config.json of their folders; weights are not looked at.
pipeline::DepthModel load_shapes(const pipeline::ModelFolders& folders,
                                 torch::Dtype dtype = torch::kFloat32,
                                 torch::Dtype vae_dtype = torch::kFloat32);

}  // namespace vdd::bench
