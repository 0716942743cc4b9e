// SPDX-License-Identifier: Apache-2.0
#include "vdd/io/torch_file.h"

#include <cstring>
#include <map>
#include <mutex>

#include "torch_pickle.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"
#include "vdd/io/safetensors_header.h"
#include "zip.h"

namespace vdd::io {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxPickle = 16 << 20;

std::string_view content(const ZipMember& member, std::uint64_t limit, const fs::path& path) {
  if (member.size > limit) throw DataError(path, member.name, "is too large");
  return content_in_place(member, path);
}

/// Makes a tensor that is a view of the bytes, or a copy if they are not aligned; in files of
/// PyTorch they are.
torch::Tensor numbers(std::string_view bytes, torch::Dtype dtype, std::int64_t count) {
  auto* data = const_cast<char*>(bytes.data());
  if (reinterpret_cast<std::uintptr_t>(data) % c10::elementSize(dtype) == 0)
    return torch::from_blob(data, {count}, dtype);
  torch::Tensor copy = torch::empty({count}, dtype);
  std::memcpy(copy.mutable_data_ptr(), data, bytes.size());
  return copy;
}

}  // namespace

struct TorchFile::Entries {
  struct Storage {
    ZipMember member;
    std::once_flag checked;
  };
  struct Entry {
    TorchTensor tensor;
    Storage* storage;
  };
  std::map<std::string, Storage> storages;
  std::map<std::string, Entry, std::less<>> by_name;
};

TorchFile::TorchFile(const fs::path& path) : file_(path), entries_(std::make_unique<Entries>()) {
  const std::string_view bytes(reinterpret_cast<const char*>(file_.bytes().data()),
                               file_.bytes().size());
  if (!bytes.starts_with("PK")) {
    throw DataError(path, "no file of PyTorch 1.6 or later; load it there and torch.save it again");
  }
  std::map<std::string, ZipMember> members;
  std::string root;
  std::string_view pickle;  // everything lies in one folder, whatever its name
  for (ZipMember& member : list_zip(bytes, path)) {
    constexpr std::string_view kPickle = "data.pkl";
    if (member.name == kPickle || member.name.ends_with(concat('/', kPickle))) {
      if (!pickle.empty()) throw DataError(path, "holds two data.pkl");
      root = member.name.substr(0, member.name.size() - kPickle.size());
      pickle = content(member, kMaxPickle, path);
    }
    std::string name = member.name;
    members.emplace(std::move(name), std::move(member));
  }
  if (pickle.empty()) throw DataError(path, "a ZIP archive, but no file of PyTorch: no data.pkl");
  if (const auto order = members.find(root + "byteorder");
      order != members.end() && content(order->second, 16, path) != "little") {
    throw DataError(path, "its numbers are not in little-endian order");
  }

  for (TorchTensor& tensor : read_torch_pickle(pickle, path)) {
    if (const auto reason = bad_tensor_name(tensor.name); !reason.empty()) {
      throw DataError(path, concat("tensor '", tensor.name, "'"), reason);
    }
    const auto storage = members.find(concat(root, "data/", tensor.storage));
    const std::uint64_t width = c10::elementSize(tensor.dtype);
    if (storage == members.end() || storage->second.size % width != 0 ||
        storage->second.size / width != static_cast<std::uint64_t>(tensor.storage_size)) {
      throw DataError(path, concat("tensor '", tensor.name, "'"), "its numbers are not there");
    }
    if (storage->second.deflated) {
      throw DataError(path, concat("tensor '", tensor.name, "'"),
                      "is compressed, which torch.save never does");
    }
    Entries::Storage& kept = entries_->storages[tensor.storage];
    kept.member = storage->second;
    infos_.push_back({tensor.name, tensor.sizes, tensor.dtype});
    std::string name = tensor.name;
    entries_->by_name.emplace(std::move(name), Entries::Entry{std::move(tensor), &kept});
  }
}

TorchFile::~TorchFile() = default;

torch::Tensor TorchFile::get(std::string_view name) const {
  const auto found = entries_->by_name.find(name);
  if (found == entries_->by_name.end()) {
    throw DataError(file_.path(), concat("tensor '", name, "'"), "is not there");
  }
  const auto& [tensor, storage] = found->second;
  const ZipMember& member = storage->member;
  std::call_once(storage->checked, [&] { content_in_place(member, file_.path()); });
  const bool truths = tensor.dtype == torch::kBool;  // any byte, until it is known to be 0 or 1
  const torch::Tensor value =
      numbers(member.data, truths ? torch::kUInt8 : tensor.dtype, tensor.storage_size)
          .as_strided(tensor.sizes, tensor.strides, tensor.offset)
          .clone(torch::MemoryFormat::Contiguous);
  if (truths && value.gt(1).any().item<bool>()) {
    throw DataError(file_.path(), concat("tensor '", tensor.name, "'"),
                    "holds a bool that is neither 0 nor 1");
  }
  return truths ? value.view(torch::kBool) : value;
}

}  // namespace vdd::io
