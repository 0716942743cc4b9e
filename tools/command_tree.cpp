// SPDX-License-Identifier: Apache-2.0
#include "command_tree.h"

#include <algorithm>

#include "presets.h"
#include "program.h"
#include "training.h"
#include "vdd/core/text.h"

namespace vdd::tools {
namespace {

OptionHelp inspect(const CLI::Option& option) {
  OptionHelp help{.help = option.get_description(), .required = option.get_required()};
  for (const std::string& name : option.get_snames()) help.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) help.names.push_back("--" + name);
  if (help.names.empty()) {
    help.value = option.get_name(true);
  } else if (option.get_items_expected_max() > 0) {
    help.value = "VALUE";
  }
  return help;
}

CommandHelp inspect(const CLI::App& app, const std::string& path) {
  CommandHelp command{.path = path, .about = app.get_description()};
  for (const CLI::Option* option : app.get_options()) command.options.push_back(inspect(*option));
  for (const ConfigKind& kind : config_kinds()) {
    if (kind.program == path) command.settings = config::keys_of(kind.schema());
  }
  for (const CLI::App* child : app.get_subcommands({}))
    command.commands.push_back(inspect(*child, concat(path, ' ', child->get_name())));
  return command;
}

}  // namespace

std::vector<CommandHelp> all_programs(const CLI::App& vdd) {
  std::vector<CommandHelp> programs = {inspect(vdd, "vdd")};
  for (const auto& program : programs::training_programs()) {
    if (program.name.starts_with("vdd ")) continue;
    CLI::App app(program.about);
    add_common_options(app);
    add_training(app, program.name);
    programs.push_back(inspect(app, program.name));
  }
  return programs;
}

}  // namespace vdd::tools
