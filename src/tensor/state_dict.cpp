// SPDX-License-Identifier: Apache-2.0
#include "vdd/tensor/state_dict.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <unordered_map>

#include "vdd/core/error.h"
#include "vdd/core/hash.h"
#include "vdd/core/text.h"
#include "vdd/tensor/dtype.h"

namespace vdd::tensor {
namespace {

void collect(const torch::nn::Module& module, const std::string& prefix, NamedTensors& out) {
  for (const auto& item : module.named_parameters(/*recurse=*/false)) {
    out.emplace_back(prefix + item.key(), item.value().detach());
  }
  for (const auto& item : module.named_buffers(/*recurse=*/false)) {
    out.emplace_back(prefix + item.key(), item.value().detach());
  }
  for (const auto& child : module.named_children()) {
    collect(*child.value(), concat(prefix, child.key(), '.'), out);
  }
}

class MemorySource final : public TensorSource {
 public:
  MemorySource(NamedTensors tensors, std::string origin) : origin_(std::move(origin)) {
    for (auto& [name, value] : tensors) {
      if (!tensors_.emplace(name, value).second) throw DataError(origin_, name, "appears twice");
      infos_.push_back({name, value.sizes().vec(), value.scalar_type()});
    }
  }
  const std::vector<TensorInfo>& tensors() const override { return infos_; }
  torch::Tensor get(std::string_view name) const override {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) throw DataError(origin_, name, "no such tensor");
    return found->second.detach().cpu().contiguous();
  }
  std::string origin() const override { return origin_; }

 private:
  std::string origin_;
  std::vector<TensorInfo> infos_;
  std::map<std::string, torch::Tensor, std::less<>> tensors_;
};

class RenamedSource final : public TensorSource {
 public:
  RenamedSource(std::unique_ptr<TensorSource> source, std::string (*rename)(std::string_view))
      : source_(std::move(source)) {
    for (TensorInfo info : source_->tensors()) {
      std::string old = std::exchange(info.name, rename(info.name));
      if (info.name.empty()) continue;
      if (!old_names_.emplace(info.name, old).second) {
        throw DataError(source_->origin(), old,
                        concat("a tensor named '", info.name, "' is there too"));
      }
      infos_.push_back(std::move(info));
    }
  }
  const std::vector<TensorInfo>& tensors() const override { return infos_; }
  torch::Tensor get(std::string_view name) const override { return source_->get(old_name(name)); }
  void release(std::string_view name) const override { source_->release(old_name(name)); }
  std::string origin() const override { return source_->origin(); }

 private:
  std::string_view old_name(std::string_view name) const {
    const auto found = old_names_.find(name);
    return found == old_names_.end() ? name : std::string_view(found->second);
  }

  std::unique_ptr<TensorSource> source_;
  std::vector<TensorInfo> infos_;
  std::map<std::string, std::string, std::less<>> old_names_;
};

bool matches_any(const std::vector<std::string>& globs, std::string_view name) {
  return std::any_of(globs.begin(), globs.end(),
                     [&](const auto& glob) { return glob_match(glob, name); });
}

std::string shape_text(torch::IntArrayRef shape) {
  std::string out = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) out += concat(i == 0 ? "" : ",", shape[i]);
  return out + "]";
}

struct Problem {
  std::string_view kind;
  const std::vector<std::string>& names;
};

/// Writes "does not fit the model: 9 missing, 1 unexpected; missing: a, b, c, d, e, ...;
/// unexpected: f": the counts first, so that they survive when the message is cut.
std::string summary(std::initializer_list<Problem> problems, std::size_t listed) {
  std::vector<std::string> counts, lists;
  for (const auto& [kind, names] : problems) {
    if (names.empty()) continue;
    const std::size_t shown = std::min(names.size(), listed);
    counts.push_back(concat(names.size(), ' ', kind));
    lists.push_back(concat(kind, ": ", join(std::span(names).first(shown), ", "),
                           shown < names.size() ? ", ..." : ""));
  }
  if (counts.empty()) return "";
  return concat("does not fit the model: ", join(counts, ", "), "; ", join(lists, "; "));
}

/// Returns the names in the order of the source; throws DataError if they are not those wanted.
std::vector<std::string_view> match(
    const std::unordered_map<std::string_view, torch::Tensor>& wanted, const TensorSource& source,
    const LoadOptions& options) {
  std::vector<std::string_view> loaded;
  std::vector<std::string> missing, unexpected, misshaped;
  std::unordered_map<std::string_view, bool> present;
  for (const TensorInfo& info : source.tensors()) {
    const auto found = wanted.find(info.name);
    if (found == wanted.end()) {
      if (!matches_any(options.allow_unexpected, info.name)) unexpected.push_back(info.name);
      continue;
    }
    const torch::Tensor& target = found->second;
    present[info.name] = true;
    if (target.sizes() != torch::IntArrayRef(info.shape)) {
      misshaped.push_back(concat(info.name, ' ', shape_text(info.shape), " in the file, ",
                                 shape_text(target.sizes()), " in the model"));
    } else if (target.is_floating_point() != c10::isFloatingType(info.dtype)) {
      misshaped.push_back(concat(info.name, ' ', dtype_name(info.dtype), " in the file, ",
                                 dtype_name(target.scalar_type()), " in the model"));
    } else {
      loaded.push_back(info.name);
    }
  }
  for (const auto& [name, target] : wanted) {
    if (!present.contains(name) && !matches_any(options.allow_missing, name))
      missing.emplace_back(name);
  }
  std::sort(missing.begin(), missing.end());

  const std::string problems = summary(
      {{"missing", missing}, {"unexpected", unexpected}, {"of another shape or type", misshaped}},
      options.listed);
  if (!problems.empty()) throw DataError(source.origin(), problems);
  return loaded;
}

/// True if a finite value of `from` can be infinite as `to`.
bool may_overflow(torch::Dtype from, torch::Dtype to) {
  return to != from && (to == torch::kFloat16 || to == torch::kBFloat16 || from == torch::kFloat64);
}

/// Calls work(i) for i in [0, count) on LibTorch's threads; the first exception is thrown again
/// here.
template <typename Work>
void for_each_parallel(std::size_t count, const Work& work) {
  std::atomic<std::size_t> next{0};
  at::parallel_for(0, at::get_num_threads(), 1, [&](int64_t, int64_t) {
    for (std::size_t i = next++; i < count; i = next++) work(i);
  });
}

}  // namespace

NamedTensors state_dict(const torch::nn::Module& module) {
  NamedTensors out;
  collect(module, "", out);
  return out;
}

NamedTensors named_parameters(const torch::nn::Module& module, const std::string& prefix) {
  NamedTensors out;
  for (const auto& item : module.named_parameters()) {
    out.emplace_back(prefix + item.key(), item.value());
  }
  return out;
}

std::int64_t total_bytes(const NamedTensors& tensors) {
  std::int64_t bytes = 0;
  for (const auto& [name, tensor] : tensors) bytes += static_cast<std::int64_t>(tensor.nbytes());
  return bytes;
}

bool TensorSource::contains(std::string_view name) const {
  return std::any_of(tensors().begin(), tensors().end(),
                     [&](const auto& info) { return info.name == name; });
}

std::unique_ptr<TensorSource> make_source(NamedTensors tensors, std::string origin) {
  return std::make_unique<MemorySource>(std::move(tensors), std::move(origin));
}

std::unique_ptr<TensorSource> rename_tensors(std::unique_ptr<TensorSource> source,
                                             std::string (*rename)(std::string_view)) {
  return std::make_unique<RenamedSource>(std::move(source), rename);
}

void check_state(const torch::nn::Module& module, const TensorSource& source,
                 const LoadOptions& options) {
  const NamedTensors state = state_dict(module);
  match({state.begin(), state.end()}, source, options);
}

void load_state(torch::nn::Module& module, const TensorSource& source, const LoadOptions& options) {
  load_state(state_dict(module), source, options);
}

void load_state(const NamedTensors& targets, const TensorSource& source,
                const LoadOptions& options) {
  const torch::NoGradGuard no_grad;
  const std::unordered_map<std::string_view, torch::Tensor> wanted(targets.begin(), targets.end());
  const std::vector<std::string_view> names = match(wanted, source, options);

  std::vector<std::string> problems(names.size());
  for_each_parallel(names.size(), [&](std::size_t i) {
    const torch::NoGradGuard no_grad_in_thread;
    const torch::Tensor value = source.get(names[i]);
    const torch::Tensor& target = wanted.at(names[i]);
    const bool finite = options.allow_nonfinite || all_finite(value);
    target.copy_(value);
    if (!finite) {
      problems[i] = "holds NaN or infinity";
    } else if (!options.allow_nonfinite &&
               may_overflow(value.scalar_type(), target.scalar_type()) && !all_finite(target)) {
      problems[i] = concat("holds values that are infinite in ", dtype_name(target.scalar_type()));
    }
    source.release(names[i]);
  });
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!problems[i].empty()) throw DataError(source.origin(), names[i], problems[i]);
  }
}

void check_finite(const TensorSource& source) {
  const std::vector<TensorInfo>& infos = source.tensors();
  std::vector<char> finite(infos.size());
  for_each_parallel(infos.size(), [&](std::size_t i) {
    finite[i] = all_finite(source.get(infos[i].name));
    source.release(infos[i].name);
  });
  for (std::size_t i = 0; i < infos.size(); ++i) {
    if (!finite[i]) throw DataError(source.origin(), infos[i].name, "holds NaN or infinity");
  }
}

void allocate_as(torch::nn::Module& module, torch::Dtype dtype, torch::Device device) {
  const torch::NoGradGuard no_grad;
  const auto allocate = [&](const torch::Tensor& tensor) {
    if (!tensor.is_floating_point()) return tensor.set_data(tensor.to(device));
    if (tensor.scalar_type() == dtype && tensor.device() == device) return;
    tensor.set_data(torch::empty(tensor.sizes(), torch::dtype(dtype).device(device)));
  };
  for (const torch::Tensor& parameter : module.parameters()) allocate(parameter);
  for (const torch::Tensor& buffer : module.buffers()) allocate(buffer);
}

std::string content_hash(const TensorSource& source) {
  std::vector<const TensorInfo*> infos;
  for (const TensorInfo& info : source.tensors()) infos.push_back(&info);
  std::sort(infos.begin(), infos.end(),
            [](const auto* a, const auto* b) { return a->name < b->name; });

  std::vector<Sha256::Digest> digests(infos.size());
  for_each_parallel(infos.size(), [&](std::size_t i) {
    const torch::Tensor value = source.get(infos[i]->name);
    digests[i] = Sha256().update(value.const_data_ptr(), value.nbytes()).digest();
    source.release(infos[i]->name);
  });

  Sha256 hash;
  for (std::size_t i = 0; i < infos.size(); ++i) {
    std::vector<std::string> shape;
    for (const int64_t size : infos[i]->shape) shape.push_back(std::to_string(size));
    const std::string_view dtype = c10::getDtypeNames(infos[i]->dtype).first;
    hash.update(infos[i]->name).update({"\0", 1}).update(dtype).update({"\0", 1});
    hash.update(join(shape, "x")).update({"\0", 1}).update(digests[i].data(), digests[i].size());
  }
  return hash.hex();
}

std::string content_hash(const NamedTensors& tensors) {
  return content_hash(*make_source(tensors, "memory"));
}

}  // namespace vdd::tensor
