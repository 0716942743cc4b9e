// SPDX-License-Identifier: Apache-2.0
#include "vdd/io/safetensors.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "safetensors_index.h"
#include "vdd/core/error.h"
#include "vdd/core/files.h"
#include "vdd/core/folders.h"
#include "vdd/core/text.h"
#include "vdd/tensor/dtype.h"

namespace vdd::io {
namespace {

namespace fs = std::filesystem;

constexpr std::array kTorchDtypes = {
    torch::kBool,    torch::kUInt8,    torch::kInt8,  torch::kInt16,  torch::kUInt16,
    torch::kFloat16, torch::kBFloat16, torch::kInt32, torch::kUInt32, torch::kFloat32,
    torch::kFloat64, torch::kInt64,    torch::kUInt64};

torch::Dtype to_torch(SafetensorsDtype dtype) {
  return kTorchDtypes[static_cast<std::size_t>(dtype)];
}

SafetensorsDtype from_torch(torch::Dtype dtype, const std::string& name) {
  const auto found = std::find(kTorchDtypes.begin(), kTorchDtypes.end(), dtype);
  if (found == kTorchDtypes.end()) {
    throw ShapeError(concat("tensor '", escape(name), "' has dtype ", tensor::dtype_name(dtype),
                            ", which safetensors files do not know"));
  }
  return static_cast<SafetensorsDtype>(found - kTorchDtypes.begin());
}

class ShardedSource final : public tensor::TensorSource {
 public:
  explicit ShardedSource(const fs::path& path) : path_(path) {
    const auto weight_map = read_safetensors_index(path);
    std::set<std::string> names;
    for (const auto& [name, shard] : weight_map) names.insert(shard);
    for (const std::string& name : names) {
      const auto& shard =
          shards_.emplace_back(std::make_unique<SafetensorsFile>(path.parent_path() / name));
      for (const tensor::TensorInfo& info : shard->tensors()) {
        const auto entry = weight_map.find(info.name);
        if (entry == weight_map.end() || entry->second != name) {
          throw DataError(path, concat("tensor '", info.name, "'"),
                          concat("is in shard ", name, ", the index says ",
                                 entry == weight_map.end() ? "nothing of it" : entry->second));
        }
        infos_.push_back(info);
        shard_of_.emplace(info.name, shard.get());
      }
    }
    for (const auto& [name, shard] : weight_map) {
      if (!shard_of_.contains(name)) {
        throw DataError(path, concat("tensor '", name, "'"), concat("is not in shard ", shard));
      }
    }
  }
  const std::vector<tensor::TensorInfo>& tensors() const override { return infos_; }
  torch::Tensor get(std::string_view name) const override {
    const auto found = shard_of_.find(name);
    if (found == shard_of_.end())
      throw DataError(path_, concat("tensor '", name, "'"), "is not there");
    return found->second->get(name);
  }
  void release(std::string_view name) const override {
    const auto found = shard_of_.find(name);
    if (found != shard_of_.end()) found->second->release(name);
  }
  std::string origin() const override { return path_.string(); }

 private:
  fs::path path_;
  std::vector<std::unique_ptr<SafetensorsFile>> shards_;
  std::vector<tensor::TensorInfo> infos_;
  std::map<std::string, SafetensorsFile*, std::less<>> shard_of_;
};

/// A tensor and its type in the file.
struct Planned {
  const tensor::TensorInfo* info;
  SafetensorsDtype dtype;
};

/// Sorted as the Python library does it: by type, largest first, then by name.
std::vector<Planned> plan(const tensor::TensorSource& tensors, std::optional<torch::Dtype> dtype) {
  std::vector<Planned> planned;
  for (const tensor::TensorInfo& info : tensors.tensors()) {
    if (const auto reason = bad_tensor_name(info.name); !reason.empty()) {
      throw ShapeError(concat("tensor '", escape(info.name), "' ", reason));
    }
    const torch::Dtype stored = dtype && c10::isFloatingType(info.dtype) ? *dtype : info.dtype;
    planned.push_back({&info, from_torch(stored, info.name)});
  }
  std::sort(planned.begin(), planned.end(), [](const Planned& a, const Planned& b) {
    return std::tie(b.dtype, a.info->name) < std::tie(a.dtype, b.info->name);
  });
  return planned;
}

std::string header_text(const std::vector<Planned>& planned,
                        const std::map<std::string, std::string>& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::uint64_t offset = 0;
  for (const auto& [info, dtype] : planned) {
    const auto count = static_cast<std::uint64_t>(c10::multiply_integers(info->shape));
    const std::uint64_t end = offset + count * safetensors_bytes(dtype);
    header.push_back({info->name,
                      {{"dtype", safetensors_name(dtype)},
                       {"shape", info->shape},
                       {"data_offsets", {offset, end}}}});
    offset = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // the data starts at a multiple of 8
  return text;
}

torch::Tensor converted(const torch::Tensor& source, torch::Dtype dtype, const std::string& name) {
  torch::Tensor result = source.to(dtype);
  if (dtype != source.scalar_type() && !tensor::all_finite(result) && tensor::all_finite(source)) {
    throw NonFiniteError(concat("tensor '", name, "' holds values that are infinite in ",
                                tensor::dtype_name(dtype)));
  }
  return result;
}

}  // namespace

SafetensorsFile::SafetensorsFile(const fs::path& path)
    : file_(path), header_(parse_safetensors_header(file_.bytes(), path)) {
  infos_.reserve(header_.entries.size());
  for (const SafetensorsEntry& entry : header_.entries) {
    index_.emplace(entry.name, infos_.size());
    infos_.push_back({entry.name, entry.shape, to_torch(entry.dtype)});
  }
}

const SafetensorsEntry& SafetensorsFile::entry(std::string_view name) const {
  const auto found = index_.find(name);
  if (found == index_.end())
    throw DataError(file_.path(), concat("tensor '", name, "'"), "is not there");
  return header_.entries[found->second];
}

torch::Tensor SafetensorsFile::get(std::string_view name) const {
  const SafetensorsEntry& entry = this->entry(name);
  file_.prefetch(entry.begin, entry.end - entry.begin);
  const std::byte* data = file_.bytes().data() + entry.begin;
  if (entry.dtype == SafetensorsDtype::kBool) {
    const auto is_bool = [](std::byte value) { return value <= std::byte{1}; };
    if (!std::all_of(data, data + (entry.end - entry.begin), is_bool)) {
      throw DataError(file_.path(), concat("tensor '", name, "'"),
                      "holds a bool that is neither 0 nor 1");
    }
  }
  // The mapping is private, so a view that is written to harms nobody.
  auto* bytes = const_cast<std::byte*>(data);
  const auto options = torch::dtype(to_torch(entry.dtype));
  const bool aligned = reinterpret_cast<std::uintptr_t>(data) % safetensors_bytes(entry.dtype) == 0;
  if (aligned) return torch::from_blob(bytes, entry.shape, options);
  torch::Tensor copy = torch::empty(entry.shape, options);
  std::copy(data, data + (entry.end - entry.begin),
            static_cast<std::byte*>(copy.mutable_data_ptr()));
  return copy;
}

void SafetensorsFile::release(std::string_view name) const {
  const SafetensorsEntry& entry = this->entry(name);
  file_.release(entry.begin, entry.end - entry.begin);
}

std::unique_ptr<tensor::TensorSource> open_safetensors_index(const fs::path& path) {
  return std::make_unique<ShardedSource>(path);
}

std::unique_ptr<tensor::TensorSource> open_weights(const fs::path& folder_or_file,
                                                   const std::string& stem) {
  const auto open = [](const fs::path& path) -> std::unique_ptr<tensor::TensorSource> {
    if (path.extension() == ".json") return open_safetensors_index(path);
    return std::make_unique<SafetensorsFile>(path);
  };
  if (!is_folder(folder_or_file)) return open(folder_or_file);
  for (const char* ending : {".safetensors", ".fp16.safetensors", ".safetensors.index.json",
                             ".safetensors.index.fp16.json"}) {
    const fs::path path = folder_or_file / (stem + ending);
    if (path_exists(path)) return open(path);
  }
  const bool pickle = path_exists(folder_or_file / (stem + ".bin")) ||
                      path_exists(folder_or_file / "pytorch_model.bin");
  throw DataError(
      folder_or_file,
      concat("holds no ", stem, ".safetensors",
             pickle ? "; its .bin file is a Python pickle, only safetensors are read" : ""));
}

void save_safetensors(const fs::path& path, const tensor::TensorSource& tensors,
                      const std::map<std::string, std::string>& metadata,
                      std::optional<torch::Dtype> dtype) {
  const torch::NoGradGuard no_grad;
  const std::vector<Planned> planned = plan(tensors, dtype);
  const std::string header = header_text(planned, metadata);

  FileWriter writer(path);
  std::array<std::uint8_t, 8> length{};
  for (std::size_t i = 0; i < 8; ++i)
    length[i] = static_cast<std::uint8_t>(header.size() >> (8 * i));
  writer.write(length.data(), length.size());
  writer.write(header);
  for (const auto& [info, stored] : planned) {
    const torch::Tensor value = converted(tensors.get(info->name), to_torch(stored), info->name);
    writer.write(value.const_data_ptr(), value.nbytes());
    tensors.release(info->name);
  }
  writer.commit();
}

void save_safetensors(const fs::path& path, const tensor::NamedTensors& tensors,
                      const std::map<std::string, std::string>& metadata,
                      std::optional<torch::Dtype> dtype) {
  save_safetensors(path, *tensor::make_source(tensors, path.string()), metadata, dtype);
}

}  // namespace vdd::io
