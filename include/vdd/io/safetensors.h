// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "vdd/core/mapped_file.h"
#include "vdd/io/safetensors_header.h"
#include "vdd/tensor/state_dict.h"

namespace vdd::io {

/// One .safetensors file, mapped into memory; get() returns views of it. Everything the header says
/// is checked before the constructor returns (see safetensors_header.h); the values are not read.
class SafetensorsFile final : public tensor::TensorSource {
 public:
  /// Throws DataError naming the file, the tensor where there is one, and the reason.
  explicit SafetensorsFile(const std::filesystem::path& path);

  const std::vector<tensor::TensorInfo>& tensors() const override { return infos_; }
  /// Returns a view of the file, or a copy if the file keeps the tensor unaligned. Throws DataError
  /// for a bool that is neither 0 nor 1.
  torch::Tensor get(std::string_view name) const override;
  void release(std::string_view name) const override;
  std::string origin() const override { return file_.path().string(); }

  const std::map<std::string, std::string>& metadata() const { return header_.metadata; }

 private:
  const SafetensorsEntry& entry(std::string_view name) const;

  MappedFile file_;
  SafetensorsHeader header_;
  std::vector<tensor::TensorInfo> infos_;
  std::unordered_map<std::string_view, std::size_t> index_;
};

/// Opens the shards that a *.safetensors.index.json names, as one source. A shard is a plain file
/// name in the folder of the index; each tensor must be in the shard the index says, and no other
/// tensor in any shard. Throws DataError.
std::unique_ptr<tensor::TensorSource> open_safetensors_index(const std::filesystem::path& path);

/// Opens a weights file, an index, or in a folder the first that exists of `<stem>.safetensors`,
/// `<stem>.fp16.safetensors`, `<stem>.safetensors.index.json` and
/// `<stem>.safetensors.index.fp16.json`. Stems: "diffusion_pytorch_model" (diffusers), "model"
/// (transformers). Throws DataError.
std::unique_ptr<tensor::TensorSource> open_weights(
    const std::filesystem::path& folder_or_file,
    const std::string& stem = "diffusion_pytorch_model");

/// Writes the bytes that Python's safetensors.torch.save_file writes for the same tensors and
/// metadata: sorted by type, then name, without holes. `dtype` converts the floating-point tensors,
/// one at a time; a finite value that becomes infinite is a NonFiniteError. The file appears
/// complete or not at all (ResourceError). Throws ShapeError for a dtype that the format does not
/// know and for a bad name, DataError for a name that appears twice.
void save_safetensors(const std::filesystem::path& path, const tensor::TensorSource& tensors,
                      const std::map<std::string, std::string>& metadata = {{"format", "pt"}},
                      std::optional<torch::Dtype> dtype = std::nullopt);
void save_safetensors(const std::filesystem::path& path, const tensor::NamedTensors& tensors,
                      const std::map<std::string, std::string>& metadata = {{"format", "pt"}},
                      std::optional<torch::Dtype> dtype = std::nullopt);

}  // namespace vdd::io
