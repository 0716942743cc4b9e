// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "vdd/config/markdown.h"

namespace vdd::tools {

struct OptionHelp {
  std::vector<std::string> names = {};  ///< "-o", "--output-dir"; empty for a positional argument
  std::string value = {};  ///< what stands for its value in a synopsis; empty for a flag
  std::string help = {};
  bool required = false;
};

/// A program or a command, as its option table says.
struct CommandHelp {
  std::string path;  ///< "vdd cache build"
  std::string about;
  std::vector<OptionHelp> options = {};        ///< those of the commands above are not repeated
  std::vector<config::KeyHelp> settings = {};  ///< `key=value` arguments that it takes
  std::vector<CommandHelp> commands = {};
};

/// Describes `vdd`, and the programs that are no command of it.
std::vector<CommandHelp> all_programs(const CLI::App& vdd);

/// Calls `visit` with each of the commands and, after it, with those below it.
template <typename Visit>
void for_each_command(const std::vector<CommandHelp>& commands, const Visit& visit) {
  for (const CommandHelp& command : commands) {
    visit(command);
    for_each_command(command.commands, visit);
  }
}

}  // namespace vdd::tools
