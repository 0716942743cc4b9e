// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "vdd/config/writer.h"

namespace vdd::config {

/// Reads dotted key and YAML text of every value that a file holds, whatever program it belongs to.
/// A file that to_yaml() wrote gives what to_leaves() gives. Throws DataError if it cannot be read,
/// ConfigError if it is no YAML.
Leaves read_leaves(const std::filesystem::path& file);

}  // namespace vdd::config
