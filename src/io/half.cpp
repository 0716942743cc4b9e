// SPDX-License-Identifier: Apache-2.0
#include "vdd/io/half.h"

#include <c10/util/Half.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace vdd::io {
namespace {

void portable(const std::uint16_t* halves, float* floats, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i)
    floats[i] = c10::detail::fp16_ieee_to_fp32_value(halves[i]);
}

#if defined(__x86_64__)
__attribute__((target("avx,f16c"))) void by_f16c(const std::uint16_t* halves, float* floats,
                                                 std::size_t count) {
  std::size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m128i eight = _mm_loadu_si128(reinterpret_cast<const __m128i*>(halves + i));
    _mm256_storeu_ps(floats + i, _mm256_cvtph_ps(eight));
  }
  portable(halves + i, floats + i, count - i);
}
#endif

}  // namespace

void floats_from_halves(const std::uint16_t* halves, float* floats, std::size_t count) {
#if defined(__x86_64__)
  static const bool has_f16c = __builtin_cpu_supports("avx") && __builtin_cpu_supports("f16c");
  if (has_f16c) return by_f16c(halves, floats, count);
#endif
  portable(halves, floats, count);
}

}  // namespace vdd::io
