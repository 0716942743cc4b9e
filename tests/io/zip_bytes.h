// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <zlib.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vdd/core/text.h"

// ZIP archives by hand, true or not.
namespace vdd::test {

struct ZipPart {
  std::string name;
  std::string data;  ///< as it lies in the archive
  bool deflated = false;
  std::optional<std::uint32_t> size = {};  ///< of the content, as the archive claims
};

template <typename T>
std::string little_endian(T value) {
  std::string out;
  for (std::size_t i = 0; i < sizeof value; ++i)
    out += static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i));
  return out;
}

/// A deflate stream.
inline std::string deflated(const std::string& content) {
  std::string out(compressBound(content.size()), '\0');
  uLongf bytes = out.size();
  compress(reinterpret_cast<Bytef*>(out.data()), &bytes,
           reinterpret_cast<const Bytef*>(content.data()), content.size());
  return out.substr(2, bytes - 6);  // without zlib's header and checksum
}

/// The checksums are those of the data.
inline std::string zip_of(const std::vector<ZipPart>& parts) {
  std::string out, directory;
  for (const ZipPart& part : parts) {
    const auto size = static_cast<std::uint32_t>(part.data.size());
    const auto crc = static_cast<std::uint32_t>(
        crc32(0, reinterpret_cast<const Bytef*>(part.data.data()), size));
    const std::string kind =
        concat(little_endian<std::uint32_t>(20),
               little_endian<std::uint16_t>(part.deflated ? 8 : 0), little_endian<std::uint32_t>(0),
               little_endian(crc), little_endian(size), little_endian(part.size.value_or(size)),
               little_endian(static_cast<std::uint16_t>(part.name.size())));
    directory += concat("PK\1\2", little_endian<std::uint16_t>(20), kind, std::string(12, '\0'),
                        little_endian(static_cast<std::uint32_t>(out.size())), part.name);
    out += concat("PK\3\4", kind, std::string(2, '\0'), part.name, part.data);
  }
  const auto count = little_endian(static_cast<std::uint16_t>(parts.size()));
  return concat(out, directory, "PK\5\6", std::string(4, '\0'), count, count,
                little_endian(static_cast<std::uint32_t>(directory.size())),
                little_endian(static_cast<std::uint32_t>(out.size())), std::string(2, '\0'));
}

}  // namespace vdd::test
