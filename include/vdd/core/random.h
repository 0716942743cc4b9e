// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace vdd {

/// The seed of one use of randomness: the first 8 bytes, little-endian, of
/// SHA-256("<seed>/<index>/<use>"), shifted right by one so that it is a positive int64. In Python:
///   int.from_bytes(hashlib.sha256(f"{seed}/{index}/{use}".encode()).digest()[:8], "little") >> 1
/// Every draw of the project comes from a generator seeded like this, so that it depends on nothing
/// but its arguments.
std::uint64_t derive_seed(std::uint64_t seed, std::int64_t index, std::string_view use);

/// Small deterministic generator (SplitMix64) for choices and augmentation; the noise of the
/// diffusion comes from LibTorch's.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next();
  /// Uniform in [0, 1), 53 bits.
  double uniform();
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// Uniform in 0 .. count-1; count > 0.
  std::int64_t below(std::int64_t count);
  bool coin(double probability) { return uniform() < probability; }
  /// Standard normal (Box-Muller).
  double normal();

 private:
  std::uint64_t state_;
};

}  // namespace vdd
