// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "vdd/config/schema.h"

namespace vdd::config {

/// Documents a settings struct: a heading `title`, then one table per section (key, type, default,
/// allowed, meaning).
std::string write_markdown(const Section& section, std::string_view title);

/// Documents the settings struct T, with the defaults of a default-constructed T.
template <typename T>
std::string to_markdown(std::string_view title) {
  T config;
  return write_markdown(describe(config), title);
}

}  // namespace vdd::config
