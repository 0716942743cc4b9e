// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "vdd/config/schema.h"

namespace vdd::config {

/// Fills a section from a YAML file and `key.sub=value` overrides, in that order; what neither
/// names keeps its value. `base: other.yaml` at the top of the file (one level, relative to it) is
/// read first: keys replace keys, a list replaces a list. Throws ConfigError with every error
/// found, one line each: `file:line:column: key: what is wrong`, or `command line: key: what is
/// wrong`. Refused: unknown and duplicate keys, wrong types, values out of range, a second
/// document, anchors, aliases, tags, text that is not UTF-8, more than 1 MiB or 10,000 keys in a
/// file, keys of more than 500 bytes, nesting deeper than 32.
void read_yaml(const Section& section, const std::filesystem::path& file,
               std::span<const std::string> overrides = {});

/// Fills a section from YAML text as read_yaml() does from a file; `name` stands for the path in
/// messages.
void read_yaml_text(const Section& section, std::string_view text, std::string_view name,
                    std::span<const std::string> overrides = {});

/// Fills a section from a published `config.json`. Unknown keys and keys that start with `_` are
/// ignored, missing ones keep their value; a duplicate key, a wrong type or a value out of range is
/// a DataError that names all of them.
void read_json(const Section& section, const std::filesystem::path& file);

template <typename T>
T load(const std::filesystem::path& file, std::span<const std::string> overrides = {}) {
  T config;
  read_yaml(describe(config), file, overrides);
  return config;
}

template <typename T>
T load_text(std::string_view text, std::string_view name = "text",
            std::span<const std::string> overrides = {}) {
  T config;
  read_yaml_text(describe(config), text, name, overrides);
  return config;
}

template <typename T>
T load_json(const std::filesystem::path& file) {
  T config;
  read_json(describe(config), file);
  return config;
}

}  // namespace vdd::config
