// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "vdd/core/stop.h"
#include "vdd/core/text.h"
#include "vdd/programs/training_programs.h"
#include "vdd/train/start.h"

// The command line that all training programs share.
namespace vdd::tools {

struct TrainingArguments {
  std::string config, max_time;
  std::vector<std::string> overrides;
  train::RunOptions run;
  bool print_config = false;
};

inline void run_training(const programs::TrainingProgram& program, TrainingArguments args) {
  if (args.config.empty() && args.run.resume) {
    args.config = (args.run.output_dir / "config.resolved.yaml").string();
  }
  if (args.config.empty()) throw ConfigError("command line: --config is needed");
  const auto training = program.load(args.config, args.overrides);
  if (args.print_config) {
    std::cout << training->yaml();
    return;
  }
  if (args.run.output_dir.empty() && !args.run.dry_run) {
    throw ConfigError("command line: --output-dir is needed");
  }
  install_signal_handlers();
  if (!args.max_time.empty()) set_time_limit(parse_duration(args.max_time));
  const ExitCode code = train::start(*training, args.run);
  if (code != ExitCode::kDone) {
    throw Error(
        concat("stopped early; go on with --resume --output-dir ", args.run.output_dir.string()),
        code);
  }
  if (!args.run.dry_run) std::cout << args.run.output_dir.string() << '\n';
}

/// Adds the options of the training program `name` to `app`, which then runs it.
inline void add_training(CLI::App& app, const std::string& name) {
  app.description(programs::training_program(name).about);
  auto args = std::make_shared<TrainingArguments>();
  app.add_option("-c,--config", args->config, "YAML file; with --resume by default the run's own");
  app.add_option("overrides", args->overrides, "settings as key.sub=value, over the file's");
  app.add_option("-o,--output-dir", args->run.output_dir, "run folder");
  CLI::Option* resume =
      app.add_flag("--resume", args->run.resume, "go on from the newest complete checkpoint");
  app.add_flag("--overwrite", args->run.overwrite, "replace an earlier run")->excludes(resume);
  app.add_option("--max-time", args->max_time,
                 "save and stop with exit code 75 after this time, such as 90m");
  app.add_flag("--print-config", args->print_config, "print the resolved config and exit");
  app.add_flag(
      "--dry-run", args->run.dry_run,
      "load everything, show which parameters train and that gradients reach them; write nothing");
  app.callback([args, name] { run_training(programs::training_program(name), *args); });
}

}  // namespace vdd::tools
