// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

// What a config field accepts beyond its type. A settings struct names these in its list of fields,
// after the help text:
//
//   constexpr void fields(auto& f) {
//     f("lr", lr, "peak learning rate", positive);
//     f("size", size, "height and width, in pixels", multiple_of(64), list_size(2));
//   }
//
// They are plain data, so that the reader, the messages and the documentation all derive from one
// declaration. On a list they hold for each element; on an optional, for the value if there is one.
namespace vdd {

/// Numbers from `min` to `max`; an open end is excluded.
struct Range {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  bool open_min = false;
  bool open_max = false;
};

struct MultipleOf {
  std::int64_t factor = 1;
};

/// Strings (or integers, written as text) that are allowed.
struct OneOf {
  std::vector<std::string> choices;
};

/// The string or list must not be empty.
struct NonEmpty {};

/// The list has exactly this many elements.
struct ListSize {
  std::int64_t size = 0;
};

/// A single value may stand for a list of one element: published model configs write `2` for "2 on
/// every level".
struct ScalarOrList {};

inline constexpr Range positive{.min = 0, .open_min = true};
inline constexpr Range non_negative{.min = 0};
inline constexpr Range unit_interval{.min = 0, .max = 1};
inline constexpr NonEmpty non_empty{};
inline constexpr ScalarOrList scalar_or_list{};

constexpr Range in_range(double low, double high) {
  return {.min = low, .max = high};
}
constexpr Range at_least(double low) {
  return {.min = low};
}
constexpr MultipleOf multiple_of(std::int64_t factor) {
  return {factor};
}
constexpr ListSize list_size(std::int64_t size) {
  return {size};
}

template <typename... Choices>
OneOf one_of(const Choices&... choices) {
  return {{std::string(choices)...}};
}

}  // namespace vdd
