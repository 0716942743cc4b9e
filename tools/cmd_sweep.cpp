// SPDX-License-Identifier: Apache-2.0
// vdd sweep: the tables of a paper, from training to LaTeX. docs/ablation.md
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "presets.h"
#include "program.h"
#include "vdd/core/error.h"
#include "vdd/core/stop.h"
#include "vdd/core/text.h"
#include "vdd/sweep/sweep.h"

namespace vdd::tools {
namespace {

struct SweepOptions {
  std::vector<std::string> words, set;
  std::string max_time;
  sweep::SweepOptions sweep;
  bool dry_run = false;
};

void run_sweep(const SweepOptions& o) {
  std::vector<std::filesystem::path> files;
  std::vector<std::string> overrides;
  for (const std::string& word : o.words) {
    if (word.find('=') == std::string::npos) {
      files.push_back(find_config(word));
    } else {
      overrides.push_back(word);
    }
  }
  if (files.empty()) throw ConfigError("command line: no table given");
  install_signal_handlers();
  if (!o.max_time.empty()) set_time_limit(parse_duration(o.max_time));
  const auto plans = sweep::make_plans(files, overrides, o.set, o.sweep.output);
  if (o.dry_run) return void(std::cout << sweep::describe(plans, o.sweep.output));
  const sweep::SweepResult result = sweep::sweep(plans, o.sweep);
  std::cout << result.tables;
  if (result.exit == ExitCode::kFailed)
    throw Error(
        concat(result.failed, " of ", result.runs, " runs failed; the next sweep tries again"));
  if (result.exit != ExitCode::kDone)
    throw Error("stopped early; the next sweep goes on", result.exit);
}

}  // namespace

void add_sweep(CLI::App& vdd) {
  auto o = std::make_shared<SweepOptions>();
  CLI::App* command = vdd.add_subcommand(
      "sweep", "train and score the missing rows of a table, and write the table");
  command
      ->add_option("table", o->words,
                   "tables (YAML files or presets), and key=value changes to them")
      ->required();
  command->add_option("-o,--output", o->sweep.output, "folder of runs, scores and tables")
      ->required();
  command
      ->add_option("--set", o->set,
                   "key.sub=value settings over the config of every row that is trained")
      ->allow_extra_args(false);
  command->add_option("--max-time", o->max_time,
                      "save and stop with exit code 75 after this time, such as 90m");
  auto* dry_run =
      command->add_flag("--dry-run", o->dry_run, "show what is there and what is missing");
  command
      ->add_flag("--table-only", o->sweep.table_only,
                 "write the tables from the results that are there")
      ->excludes(dry_run);
  command->callback([o] { run_sweep(*o); });
}

}  // namespace vdd::tools
