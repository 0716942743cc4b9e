// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

// How one value is spelled in YAML, such that the reader gets the same value back.
namespace vdd::config {

std::string scalar_text(bool value);
std::string scalar_text(std::int64_t value);
std::string scalar_text(double value);
/// Writes a string bare if YAML and people read it as the same string, else in double quotes.
std::string scalar_text(const std::string& value);

template <typename T>
std::string scalar_text(const std::optional<T>& value) {
  return value ? scalar_text(*value) : "null";
}

}  // namespace vdd::config
