// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// The header of the safetensors format: 8 bytes of length N (little-endian), N bytes of JSON, then
// the tensors. This part needs no LibTorch, so that it can be fuzzed alone. Source:
// huggingface/safetensors, README "Format" and tensor.rs.
namespace vdd::io {

/// Types of tensors, in the order by which the Python library sorts tensors (descending) when it
/// writes.
enum class SafetensorsDtype {
  kBool,
  kU8,
  kI8,
  kI16,
  kU16,
  kF16,
  kBF16,
  kI32,
  kU32,
  kF32,
  kF64,
  kI64,
  kU64
};

/// Names a type as a header does: "F32", ...
std::string_view safetensors_name(SafetensorsDtype dtype);
std::size_t safetensors_bytes(SafetensorsDtype dtype);

struct SafetensorsEntry {
  std::string name;
  SafetensorsDtype dtype = SafetensorsDtype::kF32;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0, end = 0;  ///< bytes, from the start of the file
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;  ///< in the order of their bytes
  std::map<std::string, std::string> metadata;
};

/// Reads and checks the header of a file whose bytes are `file`. Memory is bounded by the header's
/// own size. Stricter than the format: rank <= 8, at most 100,000 tensors and 65,536 metadata keys,
/// names of 1 to 512 bytes without control characters, slashes and "..", no unknown field, no key
/// twice, no leading space.
/// `path` is for messages. Throws DataError; what is no safetensors file but another known kind
/// (Git LFS pointer, web page, pickle, zip, ...) is named as such.
SafetensorsHeader parse_safetensors_header(std::span<const std::byte> file,
                                           const std::filesystem::path& path);

/// Says why a tensor may not have this name; empty if it may.
std::string_view bad_tensor_name(std::string_view name);

}  // namespace vdd::io
