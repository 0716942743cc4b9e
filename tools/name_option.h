// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "vdd/core/enum_names.h"

namespace vdd::tools {

/// Adds an option whose value is the name of an enum's value.
template <NamedEnum E>
CLI::Option* add_name(CLI::App& command, const char* option, E& value, const char* help) {
  const auto set = [&value](const std::string& name) { value = parse_name<E>(name).value(); };
  return command.add_option_function<std::string>(option, set, help)
      ->check(CLI::IsMember(all_names<E>()));
}

/// Adds an option with several such names, separated by commas or blanks.
template <NamedEnum E>
CLI::Option* add_names(CLI::App& command, const char* option, std::vector<E>& values,
                       const char* help) {
  const auto set = [&values](const std::vector<std::string>& names) {
    values.clear();
    for (const std::string& name : names) values.push_back(parse_name<E>(name).value());
  };
  return command.add_option_function<std::vector<std::string>>(option, set, help)
      ->delimiter(',')
      ->check(CLI::IsMember(all_names<E>()));
}

}  // namespace vdd::tools
