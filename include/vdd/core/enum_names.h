// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

// The names that configs and reports use for the values of an enum, said once beside it:
//
//   enum class Splat { kLast, kNear };
//   constexpr auto names(Splat) {
//     return enum_names<Splat>({{Splat::kLast, "last"}, {Splat::kNear, "near"}});
//   }
//
// A settings struct lists a member of such a type like any other; its choices are the names.
namespace vdd {

/// The table that names() returns, in the order in which people see it.
template <typename E, std::size_t n>
constexpr auto enum_names(const std::pair<E, std::string_view> (&table)[n]) {
  return std::to_array(table);
}

/// An enum with names.
template <typename E>
concept NamedEnum = std::is_enum_v<E> && requires(E e) {
  names(e);
};

/// The name of a value; empty if it has none, which is a mistake in names().
template <NamedEnum E>
constexpr std::string_view to_name(E value) {
  for (const auto& [each, name] : names(value)) {
    if (each == value) return name;
  }
  return {};
}

/// The value of that name, or nothing.
template <NamedEnum E>
constexpr std::optional<E> parse_name(std::string_view text) {
  for (const auto& [value, name] : names(E{})) {
    if (name == text) return value;
  }
  return std::nullopt;
}

/// All names, in the order of the table.
template <NamedEnum E>
std::vector<std::string> all_names() {
  std::vector<std::string> all;
  for (const auto& [value, name] : names(E{})) all.emplace_back(name);
  return all;
}

}  // namespace vdd
