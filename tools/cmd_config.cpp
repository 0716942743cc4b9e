// SPDX-License-Identifier: Apache-2.0
#include <iostream>

#include "program.h"
#include "vdd/core/error.h"

namespace vdd::tools {

void add_config(CLI::App& vdd) {
  CLI::App* config = vdd.add_subcommand("config", "list, show, check and document configs");
  config->callback([] { throw ConfigError("config: a command is needed"); });
}

}  // namespace vdd::tools
