// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace vdd::io {

/// A tensor as torch.save describes it: a view of a storage, which is a file of its own in the
/// archive.
struct TorchTensor {
  std::string name;
  torch::Dtype dtype{};
  std::string storage;
  std::int64_t storage_size = 0;  ///< in elements, as all that follows
  std::int64_t offset = 0;
  std::vector<std::int64_t> sizes, strides;
};

/// Reads the tensors of a pickled state dict, in its order. A pickle is a program; this one is
/// followed without running anything: it may only build dicts, tuples and tensors, and what else it
/// names is refused, as is a dict that holds anything but tensors. Views lie within their storage.
/// Throws DataError; `path` only names the file.
std::vector<TorchTensor> read_torch_pickle(std::string_view pickle,
                                           const std::filesystem::path& path);

}  // namespace vdd::io
