// SPDX-License-Identifier: Apache-2.0
#include "vdd/core/validate.h"

#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd {
namespace internal {

void Validator::check(const std::string& key, std::int64_t value, const Limits& limits) {
  if (const auto violation = limits.violation(value))
    problems_.push_back(concat(key, ": ", *violation, ", got '", value, "'"));
}

void Validator::check(const std::string& key, double value, const Limits& limits) {
  if (const auto violation = limits.violation(value))
    problems_.push_back(concat(key, ": ", *violation, ", got '", shortest(value), "'"));
}

void Validator::check(const std::string& key, const std::string& value, const Limits& limits) {
  if (const auto violation = limits.violation(value)) {
    problems_.push_back(concat(key, ": ", *violation, ", got '", escape(value), "'",
                               did_you_mean(value, limits.choices)));
  }
}

void Validator::check_size(const std::string& key, std::size_t size, const Limits& limits) {
  if (const auto violation = limits.size_violation(size))
    problems_.push_back(concat(key, ": ", *violation));
}

}  // namespace internal

void throw_problems(const std::vector<std::string>& problems) {
  if (!problems.empty()) throw ConfigError(join(problems, "\n"));
}

}  // namespace vdd
