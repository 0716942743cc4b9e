// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "model_options.h"
#include "name_option.h"
#include "program.h"
#include "vdd/config/writer.h"
#include "vdd/core/error.h"
#include "vdd/core/stop.h"
#include "vdd/core/text.h"
#include "vdd/predict/predict_videos.h"

namespace vdd::tools {
namespace {

struct PredictOptions {
  std::vector<std::filesystem::path> inputs;
  ModelOptions model;
  predict::PredictSpec spec;
  std::string size;
  bool skip_done = false, overwrite = false, json = false;
};

void read_size(const std::string& text, predict::FrameConfig& frames) {
  const auto sides = split(text, 'x');
  const auto height = parse_int(sides.front()), width = parse_int(sides.back());
  if (sides.size() != 2 || !height || !width || *height < 1 || *width < 1 || *height % 64 != 0 ||
      *width % 64 != 0) {
    throw ConfigError(concat("command line: --size: wanted HEIGHTxWIDTH, multiples of 64, got '",
                             escape(text), "'"));
  }
  frames.height = *height;
  frames.width = *width;
}

void run_predict(PredictOptions& o) {
  if (!o.size.empty()) read_size(o.size, o.spec.frames);
  if (o.skip_done) o.spec.done = predict::Done::kSkip;
  if (o.overwrite) o.spec.done = predict::Done::kReplace;
  o.spec.model = o.model.spec.model.string();
  o.spec.model_inputs = {o.model.spec.model, o.model.spec.unet, o.model.spec.base};
  install_signal_handlers();
  const auto inputs = predict::find_inputs(o.inputs);
  predict::Predictor predictor = make_predictor(o.model);
  const auto report = predict::predict_videos(predictor, inputs, o.spec);
  std::cout << (o.json ? config::to_json(report) : predict::to_markdown(report));
}

}  // namespace

void add_predict(CLI::App& vdd) {
  auto o = std::make_shared<PredictOptions>();
  CLI::App* command =
      vdd.add_subcommand("predict", "estimate the depth of videos, frame folders and pictures");
  add_model_options(*command, o->model)->required();
  command
      ->add_option("-i,--input", o->inputs,
                   "videos, folders of frames, pictures, a folder of those, or a .txt list")
      ->required();
  command->add_option("-o,--output", o->spec.output, "folder for the results")->required();
  predict::FrameConfig& frames = o->spec.frames;
  add_number(*command, "--from", frames.from, 0, "first frame [0]");
  add_number(*command, "--frames", frames.frames, 1, "largest number of frames [all]");
  command
      ->add_option("--target-fps", frames.target_fps,
                   "frames per second, to which a faster video is thinned out [all frames]")
      ->check(CLI::PositiveNumber);
  add_number(*command, "--max-res", frames.max_res, 64,
             "longest side that the model sees, in pixels [1024]");
  command->add_option("--size", o->size,
                      "HEIGHTxWIDTH that the model sees, multiples of 64 pixels");
  predict::OutputConfig& results = o->spec.results;
  add_names(*command, "--save", results.save,
            "files to write, out of png16,exr,npz,npy,mp4 [npz,mp4]");
  command->add_flag("--original-size", results.original_size, "write results of the frames' size");
  command->add_flag("--side-by-side", results.side_by_side,
                    "also write a video of frames and depth side by side");
  add_name(*command, "--cmap", results.cmap, "colour map of the videos [turbo]");
  auto* skip = command->add_flag("--skip-done", o->skip_done, "skip videos that are finished");
  command->add_flag("--overwrite", o->overwrite, "replace earlier results")->excludes(skip);
  command->add_flag("--json", o->json, "print times and memory as JSON");
  command->callback([o] { run_predict(*o); });
}

}  // namespace vdd::tools
