// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vdd/core/enum_names.h"
#include "vdd/core/limits.h"

// The limits of a settings struct, applied to one that code has filled. The reader of configs holds
// what it reads to the same ones.
namespace vdd {

namespace internal {

/// Visits the fields of a struct and writes down what is wrong, "key: what is wrong" each.
class Validator {
 public:
  /// `prefix` stands before the keys: "optimizer.".
  Validator(std::vector<std::string>& problems, std::string prefix)
      : problems_(problems), prefix_(std::move(prefix)) {}

  template <typename T, typename... Checks>
  void operator()(const char* key, T& member, const char* /*help*/, const Checks&... checks) {
    check(prefix_ + key, member, limits_of<T>(checks...));
  }

  /// The fields of `object` first; its check() runs if they are all good.
  template <typename T>
  void visit(T& object) {
    const std::size_t before = problems_.size();
    object.fields(*this);
    if constexpr (requires { object.check(); }) {
      if (problems_.size() > before) return;
      for (const std::string& problem : object.check()) problems_.push_back(prefix_ + problem);
    }
  }

 private:
  void check(const std::string&, bool, const Limits&) {}
  void check(const std::string& key, std::int64_t value, const Limits& limits);
  void check(const std::string& key, double value, const Limits& limits);
  void check(const std::string& key, const std::string& value, const Limits& limits);
  void check_size(const std::string& key, std::size_t size, const Limits& limits);

  template <NamedEnum E>
  void check(const std::string&, E, const Limits&) {}

  template <typename T>
  void check(const std::string& key, std::optional<T>& value, const Limits& limits) {
    if (value) check(key, *value, limits);
  }

  template <typename T>
  void check(const std::string& key, std::vector<T>& list, const Limits& limits) {
    for (std::size_t i = 0; i < list.size(); ++i)
      check(key + '.' + std::to_string(i), list[i], limits);
    check_size(key, list.size(), limits);
  }

  template <typename T>
  requires requires(T& object, Validator& v) { object.fields(v); }
  void check(const std::string& key, T& object, const Limits&) {
    Validator(problems_, key + '.').visit(object);
  }

  std::vector<std::string>& problems_;
  std::string prefix_;
};

}  // namespace internal

/// What is wrong of a settings struct by the limits in its fields() and, where these hold, by its
/// check(): one "key: what is wrong" each, in the words of the config reader.
template <typename T>
std::vector<std::string> problems_of(T config) {
  std::vector<std::string> problems;
  internal::Validator(problems, "").visit(config);
  return problems;
}

/// Throws ConfigError with one problem a line, unless there are none.
void throw_problems(const std::vector<std::string>& problems);

/// Returns the config, if nothing is wrong with it. Throws ConfigError with one problem a line.
template <typename T>
T validate(T config) {
  throw_problems(problems_of(config));
  return config;
}

}  // namespace vdd
