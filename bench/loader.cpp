// SPDX-License-Identifier: Apache-2.0
// Measures the clip loader: frames per second as JSON, and one clip for a comparison of pixels.
// loader_bench.py runs it beside a PyTorch DataLoader.
#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>
#include <memory>

#include "vdd/core/enum_names.h"
#include "vdd/core/error.h"
#include "vdd/data/loader.h"
#include "vdd/io/safetensors.h"

namespace {

/// Adds an option whose value is the name of an enum's value.
template <vdd::NamedEnum E>
void add_name(CLI::App& app, const char* option, E& value, const char* help) {
  const auto set = [&value](const std::string& name) { value = vdd::parse_name<E>(name).value(); };
  app.add_option_function<std::string>(option, set, help)
      ->check(CLI::IsMember(vdd::all_names<E>()));
}

double frames_per_second(const std::shared_ptr<vdd::data::ClipDataset>& dataset, int workers,
                         std::int64_t clips) {
  const auto& config = dataset->config();
  vdd::data::Loader loader(dataset, 0, 0, workers, static_cast<int>(config.prefetch));
  loader.next();
  const auto begin = std::chrono::steady_clock::now();
  for (std::int64_t i = 1; i < clips; ++i) loader.next();
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return static_cast<double>((clips - 1) * config.frames) / seconds;
}

}  // namespace

// NOLINTNEXTLINE(bugprone-exception-escape): an error may end a measurement
int main(int argc, char** argv) {
  vdd::data::DataConfig config;
  config.frames = 8;
  config.holdout.clear();
  config.flip = config.reverse = 0;
  config.stride_max = 1;
  config.crop = vdd::data::CropPlace::kCenter;
  bool depth = false;
  std::string clip_file;
  std::int64_t clips = 24, workers = 1;

  CLI::App app("Frames per second of the clip loader");
  vdd::data::SourceConfig source;
  app.add_option("--root", source.root, "data set")->required();
  add_name(app, "--kind", source.kind, "virtual_kitti, hypersim or videos");
  add_name(app, "--rgb", source.rgb, "Hypersim: color_hdf5 or tonemap_jpg");
  app.add_option("--include", source.include, "patterns of sequence names");
  app.add_flag("--depth", depth, "read depth too");
  app.add_flag("--poses", config.poses, "read intrinsics and poses too");
  app.add_option("--frames", config.frames);
  app.add_option("--height", config.height);
  app.add_option("--width", config.width);
  add_name(app, "--fit", config.fit, "crop or stretch");
  app.add_option("--workers", workers);
  app.add_option("--prefetch", config.prefetch);
  app.add_option("--clips", clips, "clips to read; the first is not timed");
  app.add_option("--clip", clip_file, "instead: write clip 0 as safetensors");
  CLI11_PARSE(app, argc, argv);
  try {
    config.sources = {source};
    config.rgb_only = !depth;
    const auto dataset = std::make_shared<vdd::data::ClipDataset>(config);
    if (!clip_file.empty()) {
      const auto clip = dataset->load(0, 0);
      vdd::tensor::NamedTensors tensors = {{"rgb", clip.rgb_TCHW}};
      if (depth) {
        tensors.insert(tensors.end(), {{"depth", clip.depth_THW},
                                       {"disparity", clip.disparity_THW},
                                       {"valid", clip.valid_THW}});
      }
      if (clip.poses_T44.defined()) {
        tensors.insert(tensors.end(),
                       {{"intrinsics", clip.intrinsics_T33}, {"poses", clip.poses_T44}});
      }
      vdd::io::save_safetensors(clip_file, tensors, {{"source_id", clip.source_id}});
      return 0;
    }
    std::cout << "{\"workers\": " << workers << ", \"frames_per_second\": "
              << frames_per_second(dataset, static_cast<int>(workers), clips) << "}\n";
    return 0;
  } catch (const vdd::Error& error) {
    std::cerr << "error: " << error.what() << '\n';
    return static_cast<int>(error.code());
  }
}
