// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "at_least_float.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::losses {

/// Makes operations compute in the type of their inputs while it lives.
struct NoAutocast : c10::impl::ExcludeDispatchKeyGuard {
  NoAutocast() : ExcludeDispatchKeyGuard(c10::autocast_dispatch_keyset) {}
};

/// What a loss of disparities compares. Legend: T frames, H W pixels.
struct DisparityPair {
  at::Tensor prediction_THW, target_THW;  ///< float32 at least, the target without gradient
  at::Tensor mask_THW;                    ///< bool, or undefined: every pixel counts

  DisparityPair(std::string_view loss, const at::Tensor& prediction, const at::Tensor& target,
                const at::Tensor& mask)
      : prediction_THW(at_least_float(prediction)),
        target_THW(at_least_float(target.detach())),
        mask_THW(mask) {
    if (prediction.dim() != 3 || prediction.sizes() != target.sizes() || prediction.numel() == 0) {
      throw ShapeError(concat(loss, " loss: prediction ", prediction.sizes(), " and target ",
                              target.sizes(), " must be one shape [T,H,W]"));
    }
    if (mask.defined() && (mask.sizes() != prediction.sizes() || mask.scalar_type() != at::kBool)) {
      throw ShapeError(concat(loss, " loss: the mask must be bool ", prediction.sizes()));
    }
  }
};

}  // namespace vdd::losses
