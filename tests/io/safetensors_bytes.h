// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "vdd/core/text.h"

namespace vdd::test {

/// The 8 bytes that a safetensors file starts with.
inline std::string length_field(std::uint64_t length) {
  std::string out;
  for (int i = 0; i < 8; ++i) out += static_cast<char>(length >> (8 * i));
  return out;
}

/// A safetensors file with this header, whatever it says, and this data.
inline std::string safetensors_bytes(std::string_view header, std::string_view data = {}) {
  return length_field(header.size()) + std::string(header) + std::string(data);
}

/// A header entry: "name":{"dtype":"F32","shape":[...],"data_offsets":[...]}.
inline std::string entry(std::string_view name, std::string_view dtype, std::string_view shape,
                         std::string_view offsets) {
  return concat('"', name, R"(":{"dtype":")", dtype, R"(","shape":[)", shape,
                R"(],"data_offsets":[)", offsets, "]}");
}

}  // namespace vdd::test
