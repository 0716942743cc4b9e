// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <string>

namespace vdd::io {

/// Reads the weight_map of a *.safetensors.index.json: the plain file name of the shard of each
/// tensor. No LibTorch: this part can be fuzzed alone. Throws DataError.
std::map<std::string, std::string> read_safetensors_index(const std::filesystem::path& path);

}  // namespace vdd::io
