// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/torch.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vdd::tensor {

using NamedTensors = std::vector<std::pair<std::string, torch::Tensor>>;

/// Lists parameters and buffers in the order of Python's state_dict(): those of a module, its
/// buffers, then its children. The tensors share memory with the module and carry no gradient
/// history.
NamedTensors state_dict(const torch::nn::Module& module);

/// The parameters of a module by name, in state_dict order: the live tensors. `prefix` goes before
/// each name ("unet.").
NamedTensors named_parameters(const torch::nn::Module& module, const std::string& prefix = "");

/// Bytes of all tensors together.
std::int64_t total_bytes(const NamedTensors& tensors);

struct TensorInfo {
  std::string name;
  std::vector<int64_t> shape;
  torch::Dtype dtype;
};

/// Tensors by name, in a file or in memory.
class TensorSource {
 public:
  virtual ~TensorSource() = default;
  /// Describes all tensors, each name once, in the order in which reading is quickest.
  virtual const std::vector<TensorInfo>& tensors() const = 0;
  /// Returns a tensor, contiguous on the CPU. It may be a view of the source, valid while the
  /// source lives. Throws DataError if there is none of that name.
  virtual torch::Tensor get(std::string_view name) const = 0;
  /// Says that `get` of this name will not be called again soon and its views are not used any
  /// more, so that memory may be given back.
  virtual void release(std::string_view name) const { (void)name; }
  /// Names the source in a message: a file or folder.
  virtual std::string origin() const = 0;

  bool contains(std::string_view name) const;
};

/// Makes a source of tensors that are in memory already.
std::unique_ptr<TensorSource> make_source(NamedTensors tensors, std::string origin);

/// Makes a source of the same tensors under other names. `rename` returns the new name, or nothing
/// to leave the tensor out; two tensors under one name are a DataError.
std::unique_ptr<TensorSource> rename_tensors(std::unique_ptr<TensorSource> source,
                                             std::string (*rename)(std::string_view));

struct LoadOptions {
  std::vector<std::string> allow_missing = {};     ///< globs of names that keep their values
  std::vector<std::string> allow_unexpected = {};  ///< globs of names that are ignored
  bool allow_nonfinite = false;
  std::size_t listed = 5;  ///< names per kind that an error shows; SIZE_MAX for all
};

/// Fills `module` by name, converting to the dtype and device of each parameter. Every missing,
/// unexpected and misshaped tensor is named in one DataError, before anything is written. A NaN or
/// infinity is found while copying: the module is then partly filled and of no use. Memory: the
/// module, and the pages of the tensors being copied.
void load_state(torch::nn::Module& module, const TensorSource& source,
                const LoadOptions& options = {});
/// Fills tensors that no module holds, such as the state of an optimizer, as load_state() fills a
/// module.
void load_state(const NamedTensors& targets, const TensorSource& source,
                const LoadOptions& options = {});

/// Checks what load_state() checks before it writes: throws DataError if `source` does not fit
/// `module`.
void check_state(const torch::nn::Module& module, const TensorSource& source,
                 const LoadOptions& options = {});

/// Reads everything; throws DataError naming the first tensor that holds NaN or infinity.
void check_finite(const TensorSource& source);

/// Gives every floating-point parameter and buffer new, uninitialised memory of this dtype and
/// device. What was never written costs nothing, so that a model can be built and then loaded in
/// another dtype without holding it twice.
void allocate_as(torch::nn::Module& module, torch::Dtype dtype, torch::Device device);

/// SHA-256 over the name, dtype, shape and SHA-256 of the bytes of each tensor, in the order of the
/// names: the same for the same content however it is stored. In Python, per sorted name:
/// f"{name}\0{dtype}\0{shape joined by x}\0" + digest, with the dtype as PyTorch prints it without
/// "torch.".
std::string content_hash(const TensorSource& source);
std::string content_hash(const NamedTensors& tensors);

}  // namespace vdd::tensor
