// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <iostream>
#include <memory>

#include "program.h"
#include "vdd/core/error.h"
#include "vdd/core/progress.h"
#include "vdd/core/stop.h"
#include "vdd/core/text.h"
#include "vdd/scenes/sample_data.h"

namespace vdd::tools {
namespace {

struct SampleDataOptions {
  std::filesystem::path folder;
  std::string size = "128x192";
  scenes::SampleDataConfig config;
};

void write_all(SampleDataOptions& options) {
  auto& config = options.config;
  const auto sides = split(options.size, 'x');
  const auto height = parse_int(sides.front()), width = parse_int(sides.back());
  if (sides.size() != 2 || !height || !width) {
    throw ConfigError(
        concat("--size: wanted HxW such as 128x192, got '", escape(options.size), "'"));
  }
  config.height = *height;
  config.width = *width;

  install_signal_handlers();
  const auto start = std::chrono::steady_clock::now();
  scenes::write_sample_data(options.folder, config);
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  std::cout << concat(config.sequences, " sequences of ", config.frames, " frames, ", config.height,
                      "x", config.width, ", in ", escape(options.folder.string()), " (",
                      format_duration(taken.count()), ")\n");
}

}  // namespace

void add_sample_data(CLI::App& vdd) {
  auto options = std::make_shared<SampleDataOptions>();
  CLI::App* command = vdd.add_subcommand(
      "sample-data", "render moving scenes in the Virtual KITTI 2 and Hypersim layouts");
  command
      ->add_option("--out", options->folder, "folder to write; an interrupted command leaves none")
      ->required();
  command
      ->add_option("--seed", options->config.seed,
                   "seed of the scenes; the same seed gives the same bytes")
      ->check(not_negative)
      ->capture_default_str();
  command
      ->add_option("--sequences", options->config.sequences,
                   "number of sequences, half streets and half rooms")
      ->capture_default_str();
  command->add_option("--frames", options->config.frames, "frames of each sequence")
      ->capture_default_str();
  command->add_option("--size", options->size, "HEIGHTxWIDTH in pixels")->capture_default_str();
  command->add_option("--threads", options->config.threads, "CPU threads; 0: one per core")
      ->capture_default_str();
  command->add_flag(
      "--all-train", options->config.all_train,
      "every room is for training; without it two in five are for validation and testing");
  command->add_flag("--overwrite", options->config.overwrite, "replace sample data that is there");
  command->callback([options] { write_all(*options); });
}

}  // namespace vdd::tools
