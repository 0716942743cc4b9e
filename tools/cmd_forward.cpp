// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <memory>
#include <string>

#include "program.h"
#include "vdd/config/reader.h"
#include "vdd/core/folders.h"
#include "vdd/io/safetensors.h"
#include "vdd/parity/forward.h"

namespace vdd::tools {

namespace {

struct ForwardOptions {
  std::filesystem::path model, input, output;
  bool grad = false;
  std::optional<std::int64_t> steps, window, overlap, decode_chunk, num_frames, height, width;
  std::optional<double> noise_aug;
};

void forward(const ForwardOptions& options) {
  // Golden files have their settings beside them.
  const std::filesystem::path meta = options.input.parent_path() / "meta.json";
  auto config =
      path_exists(meta) ? config::load_json<parity::ForwardConfig>(meta) : parity::ForwardConfig{};
  config.steps = options.steps.value_or(config.steps);
  config.window = options.window.value_or(config.window);
  config.overlap = options.overlap.value_or(config.overlap);
  config.height = options.height.value_or(config.height);
  config.width = options.width.value_or(config.width);
  config.noise_aug = options.noise_aug.value_or(config.noise_aug);
  config.decode_chunk = options.decode_chunk.value_or(config.decode_chunk);
  config.num_frames = options.num_frames.value_or(config.num_frames);

  const io::SafetensorsFile input(options.input);
  io::save_safetensors(options.output,
                       parity::forward_folder(options.model, input, config, options.grad));
}

}  // namespace

void add_forward(CLI::App& vdd) {
  auto options = std::make_shared<ForwardOptions>();
  CLI::App* command = vdd.add_subcommand(
      "forward", "run a model folder on given tensors, to compare it with Python");
  command
      ->add_option("--model", options->model,
                   "folder of a UNet, VAE, image encoder, head or pipeline")
      ->required();
  command->add_option("--input", options->input, "safetensors with the in.* tensors")->required();
  command->add_option("--output", options->output, "safetensors to write")->required();
  command->add_flag("--grad", options->grad, "also write gradients of parameters and inputs");
  command->add_option("--steps", options->steps,
                      "sampler steps of a pipeline [meta.json beside the input, or 5]");
  command->add_option("--window", options->window,
                      "frames that are denoised together [meta.json or 110]");
  command->add_option("--overlap", options->overlap,
                      "frames that two windows share [meta.json or 25]");
  command->add_option("--noise-aug", options->noise_aug,
                      "strength of the noise that is added to the frames before they are encoded "
                      "[meta.json or 0.02]");
  command->add_option("--decode-chunk", options->decode_chunk,
                      "frames that are decoded together [meta.json or 8]");
  command->add_option("--num-frames", options->num_frames,
                      "frames of a clip for a VAE or head [meta.json or all images]");
  command->add_option("--height", options->height,
                      "height of a head's disparity [meta.json or that of in.loss_weight]");
  command->add_option("--width", options->width,
                      "width of a head's disparity [meta.json or that of in.loss_weight]");
  command->callback([options] { forward(*options); });
}

}  // namespace vdd::tools
