// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "vdd/optim/amp.h"
#include "vdd/optim/parameter_selection.h"

namespace vdd::optim {

enum class Trainability {
  kFlows,         ///< trained, gradient not zero
  kBehindZero,    ///< trained, gradient exactly zero, which a layer of zero weights between it and
                  ///< the loss explains
  kZeroGradient,  ///< error: trained, gradient exactly zero
  kNoGradient,    ///< error: trained, not in the graph of the loss
  kNonFinite,     ///< error: gradient NaN or infinite
  kFrozen,        ///< frozen, no gradient
  kFrozenGradient,  ///< error: frozen, but with a gradient
};

struct TrainabilityAudit {
  struct Entry {
    std::string name;
    Trainability verdict;
    double gradient = 0;  ///< its largest absolute value
  };
  std::vector<Entry> entries;            ///< one per parameter, in the order of the selection
  std::vector<std::string> zero_layers;  ///< weights of zeros that the kBehindZero entries wait for

  bool passed() const;
  /// Writes for people how many of each verdict, per group the range of the gradients, and by name
  /// all that is no plain kFlows or kFrozen.
  std::string table() const;
  /// Throws ConfigError that names the first offending parameters and how many there are.
  void require_passed() const;
};

/// Runs `loss` (a scalar, differentiable) and one backward pass, and looks at the gradient of every
/// parameter. If some are exactly zero, a second pass is run with small numbers in the place of
/// trained or frozen weights that are all zeros: what then has a gradient was only waiting for
/// those. Values are restored bit for bit and gradients cleared. Gradients that are there before
/// are an error (vdd::Error).
/// The loss is multiplied by the scale of `scaler`, as in an update, and a pass whose gradients
/// overflow is run again with a smaller one, down to 1; the gradients told are divided by it.
TrainabilityAudit audit_trainability(const Selection& selection,
                                     const std::function<torch::Tensor()>& loss,
                                     LossScaler scaler = LossScaler(PrecisionConfig{}));

}  // namespace vdd::optim
