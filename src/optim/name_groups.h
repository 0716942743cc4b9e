// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace vdd::optim {

/// Names the group that a parameter is listed under in a table: the first segment of its name, with
/// the index if the second is one
/// ("down_blocks.0", "conv_in").
inline std::string name_group(const std::string& name) {
  const std::size_t first = name.find('.');
  if (first == std::string::npos) return name;
  const std::size_t end = name.find_first_not_of("0123456789", first + 1);
  const bool indexed = end != first + 1 && (end == std::string::npos || name[end] == '.');
  return name.substr(0, indexed ? end : first);
}

}  // namespace vdd::optim
