// SPDX-License-Identifier: Apache-2.0
#include "program.h"
#include "vdd/core/error.h"

namespace vdd::tools {

#define VDD_COMMAND(name) void add_##name(CLI::App& vdd);
#include "commands.inc"
#undef VDD_COMMAND

}  // namespace vdd::tools

int main(int argc, char** argv) {
  return vdd::tools::run_program(argc, argv, [](CLI::App& app) {
    app.description("One-step video depth by self-distillation");
#define VDD_COMMAND(name) vdd::tools::add_##name(app);
#include "commands.inc"
#undef VDD_COMMAND
    app.callback([&app] {
      if (app.get_subcommands().empty())
        throw vdd::ConfigError("command line: no command; see vdd --help");
    });
  });
}
