// SPDX-License-Identifier: Apache-2.0
#include "vdd/core/limits.h"

#include <algorithm>
#include <cmath>

#include "vdd/core/text.h"

namespace vdd {
namespace {

std::string describe_range(const Range& range) {
  const bool low = std::isfinite(range.min), high = std::isfinite(range.max);
  const std::string min = shortest(range.min), max = shortest(range.max);
  if (low && high) {
    return concat("in ", range.open_min ? '(' : '[', min, ", ", max, range.open_max ? ')' : ']');
  }
  if (low) return concat(range.open_min ? "> " : ">= ", min);
  if (high) return concat(range.open_max ? "< " : "<= ", max);
  return "";
}

bool inside(const Range& range, double value) {
  return (range.open_min ? value > range.min : value >= range.min) &&
         (range.open_max ? value < range.max : value <= range.max);
}

}  // namespace

std::optional<std::string> Limits::violation(std::int64_t value) const {
  if (!inside(range, static_cast<double>(value))) return "must be " + describe_range(range);
  if (value % multiple_of != 0) return concat("must be a multiple of ", multiple_of);
  if (!choices.empty()) return violation(std::to_string(value));
  return std::nullopt;
}

std::optional<std::string> Limits::violation(double value) const {
  if (!std::isfinite(value)) return "must be a finite number";
  if (!inside(range, value)) return "must be " + describe_range(range);
  return std::nullopt;
}

std::optional<std::string> Limits::violation(const std::string& value) const {
  if (non_empty && value.empty()) return "must not be empty";
  if (!choices.empty() && std::find(choices.begin(), choices.end(), value) == choices.end()) {
    return "must be one of " + join(choices, ", ");
  }
  return std::nullopt;
}

std::optional<std::string> Limits::size_violation(std::size_t size) const {
  if (non_empty && size == 0) return "must not be empty";
  if (list_size && size != static_cast<std::size_t>(*list_size)) {
    return concat("must have ", *list_size, " elements, got ", size);
  }
  return std::nullopt;
}

std::string Limits::describe() const {
  std::vector<std::string> parts;
  if (const std::string text = describe_range(range); !text.empty()) parts.push_back(text);
  if (multiple_of != 1) parts.push_back(concat("a multiple of ", multiple_of));
  if (!choices.empty()) parts.push_back("one of " + join(choices, ", "));
  if (non_empty) parts.push_back("not empty");
  if (list_size) parts.push_back(concat(*list_size, " elements"));
  if (scalar_or_list) parts.push_back("one value, or one per level");
  return join(parts, "; ");
}

}  // namespace vdd
