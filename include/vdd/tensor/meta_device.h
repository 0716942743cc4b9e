// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

namespace vdd::tensor {

/// Makes LibTorch's meta device (shapes without data) able to run our models, forward and backward,
/// while the object lives, and counts the bytes its tensors would take: a dry run of any size in
/// no memory. LibTorch has some of these kernels in Python only; a process with Python in it should
/// use those. Attention is the fused kernel, as on the CPU and on a GPU. One object at a time.
class MetaDevice {
 public:
  /// Throws Error if there is one already.
  MetaDevice();
  ~MetaDevice();
  MetaDevice(const MetaDevice&) = delete;
  MetaDevice& operator=(const MetaDevice&) = delete;

  /// Bytes of the tensors made on the meta device since this object was: of those alive now, and
  /// the most that were alive at once. Views and shared storage count once. Not in it: what a
  /// kernel needs for itself while it runs, and what an allocator loses between its blocks.
  std::int64_t live_bytes() const;
  std::int64_t peak_bytes() const;
  /// Starts the peak anew from what is alive now.
  void reset_peak();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vdd::tensor
