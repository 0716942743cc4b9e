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
#include "vdd/core/text.h"
#include "vdd/eval/evaluate.h"
#include "vdd/eval/figure.h"
#include "vdd/eval/report.h"

namespace vdd::tools {
namespace {

struct EvalCommand {
  std::string protocol, show, format = "markdown";
  eval::PredictionKind are = eval::PredictionKind::kDisparity;
  std::filesystem::path data, output, keep, pictures;
  std::vector<std::filesystem::path> predictions, compare;
  std::vector<std::string> overrides;
  eval::EvalOptions options{.method = ""};
  ModelOptions model;
  bool list = false, truth = false;
};

void print(const EvalCommand& o, const eval::EvalResult& result) {
  std::cout << (o.format == "json"    ? config::to_json(result)
                : o.format == "latex" ? eval::to_latex(result)
                                      : eval::to_markdown(result));
}

void compare(const EvalCommand& o) {
  std::vector<eval::EvalResult> results;
  for (const auto& file : o.compare) results.push_back(eval::load_result(file));
  if (results.size() == 1) return print(o, results.front());
  if (o.format == "json") throw ConfigError("command line: --compare has no --format json");
  std::cout << (o.format == "latex" ? eval::compare_as_latex(results)
                                    : eval::compare_as_markdown(results));
}

std::string folder_name(const std::filesystem::path& folder) {
  return (folder.has_filename() ? folder : folder.parent_path()).filename().string();
}

void draw(const EvalCommand& o, const eval::Protocol& protocol) {
  std::vector<eval::Method> methods;
  for (const auto& folder : o.predictions)
    methods.push_back({folder_name(folder), eval::stored_predictions(folder, o.are)});
  const auto files =
      eval::draw_figures(o.data, protocol, methods, o.pictures, {.partial = o.options.partial});
  for (const auto& file : files) std::cout << file.string() << '\n';
}

/// Notes in the options what makes them.
std::unique_ptr<eval::Predictions> open_predictions(EvalCommand& o) {
  std::string name = "ground truth";
  std::unique_ptr<eval::Predictions> predictions;
  if (o.truth) {
    predictions = eval::truth_as_predictions();
  } else if (!o.predictions.empty()) {
    predictions = eval::stored_predictions(o.predictions.front(), o.are);
    name = folder_name(o.predictions.front());
  } else {
    const auto model = std::make_shared<predict::Predictor>(make_predictor(o.model));
    predictions = eval::predictions_of(
        [model](const at::Tensor& rgb_T3HW) { return model->predict_clip(rgb_T3HW); });
    const auto steps = model->config().steps;
    name = concat(folder_name(o.model.spec.model), ", ", steps, steps == 1 ? " step" : " steps");
    o.options.method_hash = predict::model_hash(model->model());
    o.options.method_settings = predict::settings_of(*model);
  }
  if (o.options.method.empty()) o.options.method = name;
  if (!o.keep.empty()) return eval::keep_predictions(std::move(predictions), o.keep);
  return predictions;
}

void evaluate(EvalCommand o) {
  if (o.list) return void(std::cout << eval::list_protocols());
  if (!o.show.empty()) {
    return void(std::cout << config::to_yaml(eval::find_protocol(o.show, o.overrides)));
  }
  if (!o.compare.empty()) return compare(o);
  if (o.protocol.empty() || o.data.empty())
    throw ConfigError("command line: --protocol and --data are needed; see --list-protocols");
  if (!o.pictures.empty()) {
    if (o.predictions.empty() || o.truth || !o.model.spec.model.empty())
      throw ConfigError("command line: --pictures draws --predictions");
    return draw(o, eval::find_protocol(o.protocol, o.overrides));
  }
  if (o.predictions.size() > 1)
    throw ConfigError("command line: one --predictions is scored at a time");
  if (o.truth + !o.predictions.empty() + !o.model.spec.model.empty() != 1)
    throw ConfigError("command line: one of --model, --predictions and --ground-truth is needed");

  const eval::Protocol protocol = eval::find_protocol(o.protocol, o.overrides);
  const auto predictions = open_predictions(o);
  const auto result = eval::evaluate(o.data, protocol, *predictions, o.options);
  if (!o.output.empty()) eval::save_result(o.output, result);
  print(o, result);
}

}  // namespace

void add_eval(CLI::App& vdd) {
  auto o = std::make_shared<EvalCommand>();
  CLI::App* command = vdd.add_subcommand("eval", "score predictions by a named protocol");
  command->add_option("--protocol", o->protocol, "protocol: name@version, or a YAML file");
  command->add_option("--data", o->data,
                      "folder of the data set; with * or ?: all matching folders");
  add_model_options(*command, o->model);
  command
      ->add_option("--predictions", o->predictions,
                   "folder of any method's files: NAME.npz|npy or NAME/FRAME.npy|exr|png")
      ->allow_extra_args(false);
  add_name(*command, "--predictions-are", o->are,
           "what the predictions are, up to the protocol's fit: disparity or depth [disparity]");
  command->add_option("--keep", o->keep,
                      "folder to store the model's predictions in, for a later --predictions");
  command->add_option("--pictures", o->pictures,
                      "folder for pictures instead of scores: frames, truth and every "
                      "--predictions, one PNG per sequence");
  command->add_flag("--ground-truth", o->truth, "score the true depth itself");
  command->add_option("--method", o->options.method, "name of the method in tables");
  command->add_flag("--partial", o->options.partial,
                    "score the sequences and frames that exist, and list the missing ones");
  command->add_option("-o,--output", o->output, "JSON file to write");
  command->add_option("--format", o->format, "format on stdout: markdown, latex or json [markdown]")
      ->check(CLI::IsMember({"markdown", "latex", "json"}));
  command->add_flag("--list-protocols", o->list, "list the protocols");
  command->add_option("--show-protocol", o->show, "print the protocol of this name as YAML");
  command->add_option("--compare", o->compare,
                      "JSON files to compare in a table, one row per method");
  command->add_option("overrides", o->overrides, "key=value changes to the protocol");
  command->callback([o] { evaluate(*o); });
}

}  // namespace vdd::tools
