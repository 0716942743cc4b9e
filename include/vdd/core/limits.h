// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vdd/core/enum_names.h"
#include "vdd/core/field_checks.h"

namespace vdd {

/// Everything that limits the value of a config field, and the words for it.
struct Limits {
  Range range;
  std::int64_t multiple_of = 1;
  std::vector<std::string> choices;
  bool non_empty = false;
  bool scalar_or_list = false;
  std::optional<std::int64_t> list_size;

  void add(const Range& r) { range = r; }
  void add(const MultipleOf& m) { multiple_of = m.factor; }
  void add(const OneOf& o) { choices = o.choices; }
  void add(NonEmpty) { non_empty = true; }
  void add(ListSize l) { list_size = l.size; }
  void add(ScalarOrList) { scalar_or_list = true; }

  /// Says what is wrong with a value, such as "must be > 0", or nothing.
  std::optional<std::string> violation(std::int64_t value) const;
  std::optional<std::string> violation(double value) const;
  std::optional<std::string> violation(const std::string& value) const;
  std::optional<std::string> violation(bool) const { return std::nullopt; }
  /// Says what is wrong with a list of so many elements, such as "must not be empty", or nothing.
  std::optional<std::string> size_violation(std::size_t size) const;
  /// Describes all limits, such as "> 0, a multiple of 64"; empty if there are none.
  std::string describe() const;
};

namespace internal {

template <typename T>
struct ElementOf {
  using Type = T;
};
template <typename T>
struct ElementOf<std::vector<T>> {
  using Type = T;
};
template <typename T>
struct ElementOf<std::optional<T>> {
  using Type = T;
};

}  // namespace internal

/// What a field of type T accepts: its checks and, if T is (or holds) an enum, the enum's names.
template <typename T, typename... Checks>
Limits limits_of(const Checks&... checks) {
  Limits limits;
  using Element = internal::ElementOf<T>::Type;
  if constexpr (NamedEnum<Element>) limits.choices = all_names<Element>();
  (limits.add(checks), ...);
  return limits;
}

}  // namespace vdd
