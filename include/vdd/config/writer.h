// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "vdd/config/schema.h"

namespace vdd::config {

/// String entries that a model's config.json starts with, such as {"_class_name",
/// "UNetSpatioTemporalConditionModel"}.
using JsonHeader = std::vector<std::pair<std::string, std::string>>;

/// Dotted key and YAML text of every value, in declared order.
using Leaves = std::vector<std::pair<std::string, std::string>>;

Leaves flatten(const Section& section);
std::string write_yaml(const Section& section);
std::string write_json(const Section& section, const JsonHeader& header);

template <typename T>
Leaves to_leaves(T config) {
  return flatten(describe(config));
}

/// Writes every field in declared order, as YAML that load<T>() reads back equal.
template <typename T>
std::string to_yaml(T config) {
  return write_yaml(describe(config));
}

/// Writes every field in declared order, as the `config.json` of a model folder (indented by 2,
/// newline at the end).
template <typename T>
std::string to_json(T config, const JsonHeader& header = {}) {
  return write_json(describe(config), header);
}

}  // namespace vdd::config
