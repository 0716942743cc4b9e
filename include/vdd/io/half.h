// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace vdd::io {

/// Converts IEEE half to float, with the processor's instruction (F16C) where it has one.
void floats_from_halves(const std::uint16_t* halves, float* floats, std::size_t count);

}  // namespace vdd::io
