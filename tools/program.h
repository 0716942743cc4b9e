// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

namespace vdd::tools {

/// Adds --version, -q and -v, which every program takes.
void add_common_options(CLI::App& app);

/// The frame of every program: adds the common options, parses, runs the callbacks that `build`
/// has set on the app or its subcommands, and maps what they throw to an exit code with `error:
/// ...` on stderr, one line per fault.
int run_program(int argc, char** argv, const std::function<void(CLI::App&)>& build);

/// A check of an option, for CLI11: a number that is not below zero, not even as a huge unsigned
/// one.
std::string not_negative(const std::string& text);

}  // namespace vdd::tools
