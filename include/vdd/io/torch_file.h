// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "vdd/core/mapped_file.h"
#include "vdd/tensor/state_dict.h"

namespace vdd::io {

/// A state dict that torch.save wrote (.pth, PyTorch 1.6 or later). Such a file is a Python pickle,
/// which could run code: nothing of it is run, and everything but tensors is refused. The directory
/// and the pickle are checked before the constructor returns, a storage's checksum when the first
/// tensor of it is read. PyTorch compresses nothing, so a compressed member is refused; the numbers
/// are read where they lie, and memory is that of the tensors asked for.
class TorchFile final : public tensor::TensorSource {
 public:
  /// Throws DataError.
  explicit TorchFile(const std::filesystem::path& path);
  ~TorchFile() override;

  const std::vector<tensor::TensorInfo>& tensors() const override { return infos_; }
  /// Returns a copy. Throws DataError for a wrong checksum, and a bool that is neither 0 nor 1.
  torch::Tensor get(std::string_view name) const override;
  std::string origin() const override { return file_.path().string(); }

 private:
  struct Entries;

  MappedFile file_;
  std::vector<tensor::TensorInfo> infos_;
  std::unique_ptr<Entries> entries_;
};

}  // namespace vdd::io
