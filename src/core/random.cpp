// SPDX-License-Identifier: Apache-2.0
#include "vdd/core/random.h"

#include <cmath>
#include <numbers>

#include "vdd/core/hash.h"
#include "vdd/core/text.h"

namespace vdd {

std::uint64_t derive_seed(std::uint64_t seed, std::int64_t index, std::string_view use) {
  const auto digest = Sha256().update(concat(seed, '/', index, '/', use)).digest();
  std::uint64_t value = 0;
  for (int i = 7; i >= 0; --i) value = value << 8 | digest[static_cast<std::size_t>(i)];
  return value >> 1;
}

std::uint64_t Random::next() {
  std::uint64_t z = state_ += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

double Random::uniform() {
  return static_cast<double>(next() >> 11) * 0x1.0p-53;
}

std::int64_t Random::below(std::int64_t count) {
  // Rejection keeps every value equally likely.
  const auto bound = static_cast<std::uint64_t>(count);
  const std::uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
  std::uint64_t value = next();
  while (value >= limit) value = next();
  return static_cast<std::int64_t>(value % bound);
}

double Random::normal() {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

}  // namespace vdd
