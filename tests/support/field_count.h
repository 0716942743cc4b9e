// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <type_traits>
#include <utility>

// Guards against a member that its struct forgot to list:
//   EXPECT_EQ(listed_fields<C>(), count_members<C>());
namespace vdd::test {

namespace internal {

template <typename T>
struct IsOptional : std::false_type {};
template <typename T>
struct IsOptional<std::optional<T>> : std::true_type {};

/// Converts to anything; an optional is reached through its value, else two ways lead to it.
struct Anything {
  // Never defined: only asked whether it compiles.
  template <typename T>
  requires(!IsOptional<T>::value) operator T() const;
};

template <typename T, std::size_t... I>
constexpr bool accepts(std::index_sequence<I...>) {
  return requires {
    T{(static_cast<void>(I), Anything{})...};
  };
}

struct Counter {
  std::size_t count = 0;
  template <typename... Arguments>
  constexpr void operator()(Arguments&&...) {
    ++count;
  }
};

}  // namespace internal

/// Members of an aggregate: the largest number of initialisers it takes.
template <typename T, std::size_t N = 0>
constexpr std::size_t count_members() {
  static_assert(std::is_aggregate_v<T>);
  constexpr std::size_t kMost = 64;
  if constexpr (internal::accepts<T>(std::make_index_sequence<kMost - N>())) {
    return kMost - N;
  } else {
    return count_members<T, N + 1>();
  }
}

/// Fields that the struct lists itself (those of a nested struct count as one).
template <typename T>
std::size_t listed_fields() {
  T object;
  internal::Counter counter;
  object.fields(counter);
  return counter.count;
}

}  // namespace vdd::test
