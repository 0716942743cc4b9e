// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>
#include <variant>

#include "vdd/config/schema.h"

namespace vdd::config {

/// Calls `visitor` with the value of a field, that of an enum as a pointer to its names.
template <typename Visitor>
auto visit_value(const Visitor& visitor, const Value& value) {
  return std::visit(
      [&](const auto& target) {
        if constexpr (requires { target.get(); }) {
          auto names = target.get();
          return visitor(&names);
        } else {
          return visitor(target);
        }
      },
      value);
}

}  // namespace vdd::config
