// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace vdd::train {

/// "1536 MiB", rounded up.
std::string mebibytes(std::int64_t bytes);

/// Whether two paths, or their nearest parents that exist, share their free space.
bool same_file_system(const std::filesystem::path& a, const std::filesystem::path& b);

/// Bytes of tensors by name.
template <typename NamedTensors>
std::int64_t total_bytes(const NamedTensors& tensors) {
  std::int64_t bytes = 0;
  for (const auto& [name, tensor] : tensors) bytes += static_cast<std::int64_t>(tensor.nbytes());
  return bytes;
}

}  // namespace vdd::train
