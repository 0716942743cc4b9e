// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "vdd/core/field_checks.h"

// The list of fields of a settings struct, made concrete: names, help, limits, and pointers to the
// live members. Reader, writers and documentation are ordinary functions over it, so that no
// settings struct sees a parser.
namespace vdd::config {

struct Field;

/// One settings struct. The pointers of its fields live as long as the struct, or as `owner`.
struct Section {
  std::vector<Field> fields;
  /// Rules across fields, "key: message"; may be empty.
  std::function<std::vector<std::string>()> check;
  /// Set if the section owns the struct it describes.
  std::shared_ptr<void> owner;
};

/// A list of settings structs.
struct SectionList {
  /// Puts n default elements in the place of the present ones.
  std::function<std::vector<Section>(std::size_t)> resize;
  std::function<std::vector<Section>()> elements;  ///< the present elements
  std::function<Section()> prototype;              ///< a default element, for documentation
};

using Value = std::variant<bool*, std::int64_t*, double*, std::string*,          //
                           std::optional<bool>*, std::optional<std::int64_t>*,   //
                           std::optional<double>*, std::optional<std::string>*,  //
                           std::vector<bool>*, std::vector<std::int64_t>*,       //
                           std::vector<double>*, std::vector<std::string>*,      //
                           Section, SectionList>;

/// Everything that limits a field's value.
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
  /// Describes all limits, such as "> 0, a multiple of 64"; empty if there are none.
  std::string describe() const;
};

struct Field {
  std::string key;
  std::string help;
  Limits limits;
  Value value;
};

/// Lists the fields of `object`, a struct with `void fields(auto& f)` and perhaps
/// `std::vector<std::string> check() const`. The result points into it.
template <typename T>
Section describe(T& object);

namespace internal {

template <typename T>
struct IsVector : std::false_type {};
template <typename T>
struct IsVector<std::vector<T>> : std::true_type {};

template <typename T>
concept Plain = requires(T* p) {
  Value(p);
}
&&!std::is_same_v<T, Section>;

template <typename T>
Value bind(T& member) {
  if constexpr (Plain<T>) {
    return &member;
  } else if constexpr (IsVector<T>::value) {
    const auto list = [&member] {
      std::vector<Section> sections;
      for (auto& element : member) sections.push_back(describe(element));
      return sections;
    };
    return SectionList{.resize =
                           [&member, list](std::size_t n) {
                             member.assign(n, typename T::value_type{});
                             return list();
                           },
                       .elements = list,
                       .prototype =
                           [] {
                             auto element = std::make_shared<typename T::value_type>();
                             Section section = describe(*element);
                             section.owner = std::move(element);
                             return section;
                           }};
  } else {
    return describe(member);
  }
}

struct Collector {
  std::vector<Field> fields;

  template <typename T, typename... Checks>
  void operator()(const char* key, T& member, const char* help, const Checks&... checks) {
    Field field{.key = key, .help = help, .limits = {}, .value = bind(member)};
    (field.limits.add(checks), ...);
    fields.push_back(std::move(field));
  }
};

}  // namespace internal

template <typename T>
Section describe(T& object) {
  internal::Collector collector;
  object.fields(collector);
  Section section{.fields = std::move(collector.fields), .check = {}, .owner = {}};
  if constexpr (requires { object.check(); }) {
    section.check = [&object] { return object.check(); };
  }
  return section;
}

}  // namespace vdd::config
