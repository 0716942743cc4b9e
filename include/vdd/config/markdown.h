// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "vdd/config/schema.h"

namespace vdd::config {

/// Documents a settings struct: a heading `title`, then one table per section (key, type, default,
/// allowed, meaning).
std::string write_markdown(const Section& section, std::string_view title);

/// What is said about one setting.
struct KeyHelp {
  std::string key;  ///< "data.sources.N.root"
  std::string type, value, allowed, help;
};

/// Lists the settings of a struct and of the structs in it.
std::vector<KeyHelp> keys_of(const Section& section);

}  // namespace vdd::config
