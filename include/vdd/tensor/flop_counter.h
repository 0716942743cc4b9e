// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace vdd::tensor {

/// Floating-point operations of the three kinds that dominate a network; a multiplication and the
/// addition after it are two. Normalisation, activations and other work per element is left out.
struct Flops {
  std::int64_t matmul = 0;
  std::int64_t convolution = 0;
  std::int64_t attention = 0;  ///< of fused kernels; otherwise attention is two matmuls

  std::int64_t total() const { return matmul + convolution + attention; }
  Flops& operator+=(const Flops& other);
};

/// Counts what ATen runs while the object lives, in any thread and on any device: real tensors, or
/// the shapes alone inside a MetaDevice. Backward passes count too. The rules are those of
/// PyTorch's FlopCounterMode (torch.utils.flop_counter). Counters may be nested.
class FlopCounter {
 public:
  FlopCounter();
  ~FlopCounter();
  FlopCounter(const FlopCounter&) = delete;
  FlopCounter& operator=(const FlopCounter&) = delete;

  Flops flops() const;

 private:
  Flops before_;
};

}  // namespace vdd::tensor
