// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "vdd/core/limits.h"

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

/// A member whose type is an enum, or a list or optional of one, seen as its names: T is
/// std::string, or a list or optional of it.
template <typename T>
struct Named {
  std::function<T()> get;
  std::function<void(const T&)> set;  ///< takes names of the enum only
};

using Value = std::variant<bool*, std::int64_t*, double*, std::string*,          //
                           std::optional<bool>*, std::optional<std::int64_t>*,   //
                           std::optional<double>*, std::optional<std::string>*,  //
                           std::vector<bool>*, std::vector<std::int64_t>*,       //
                           std::vector<double>*, std::vector<std::string>*,      //
                           Named<std::string>, Named<std::optional<std::string>>,
                           Named<std::vector<std::string>>, Section, SectionList>;

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

/// Lists the fields of a default-constructed T, which the result owns.
template <typename T>
Section schema_of();

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

template <NamedEnum E>
Named<std::string> by_name(E& member) {
  return {.get = [&member] { return std::string(to_name(member)); },
          .set = [&member](const std::string& name) { member = parse_name<E>(name).value(); }};
}

template <NamedEnum E>
Named<std::optional<std::string>> by_name(std::optional<E>& member) {
  return {.get =
              [&member] {
                return member ? std::optional(std::string(to_name(*member))) : std::nullopt;
              },
          .set =
              [&member](const std::optional<std::string>& name) {
                member = name ? parse_name<E>(*name) : std::nullopt;
              }};
}

template <NamedEnum E>
Named<std::vector<std::string>> by_name(std::vector<E>& member) {
  return {.get =
              [&member] {
                std::vector<std::string> names;
                for (const E value : member) names.emplace_back(to_name(value));
                return names;
              },
          .set =
              [&member](const std::vector<std::string>& names) {
                member.clear();
                for (const std::string& name : names) member.push_back(parse_name<E>(name).value());
              }};
}

template <typename T>
Value bind(T& member) {
  if constexpr (Plain<T>) {
    return &member;
  } else if constexpr (requires { by_name(member); }) {
    return by_name(member);
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
                       .prototype = schema_of<typename T::value_type>};
  } else {
    return describe(member);
  }
}

struct Collector {
  std::vector<Field> fields;

  template <typename T, typename... Checks>
  void operator()(const char* key, T& member, const char* help, const Checks&... checks) {
    fields.push_back(
        {.key = key, .help = help, .limits = limits_of<T>(checks...), .value = bind(member)});
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

template <typename T>
Section schema_of() {
  auto object = std::make_shared<T>();
  Section section = describe(*object);
  section.owner = std::move(object);
  return section;
}

}  // namespace vdd::config
