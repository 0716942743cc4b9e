// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vdd/core/enum_names.h"
#include "vdd/core/field_checks.h"
#include "vdd/core/thread_pool.h"
#include "vdd/tensor/state_dict.h"

namespace vdd::optim {

/// Rule by which a gradient becomes an update.
enum class OptimizerType { kAdam, kAdamW, kMuon };
constexpr auto names(OptimizerType) {
  return enum_names<OptimizerType>({{OptimizerType::kAdam, "adam"},
                                    {OptimizerType::kAdamW, "adamw"},
                                    {OptimizerType::kMuon, "muon"}});
}

struct OptimizerConfig {
  OptimizerType type = OptimizerType::kAdam;
  double lr = 1e-5;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double momentum = 0.95;
  double weight_decay = 0;
  double clip_norm = 1;

  constexpr void fields(auto& f) {
    f("type", type,
      "adam; adamw: with decoupled weight decay; muon: orthogonalised momentum for weights of two "
      "and more dimensions, adamw for the rest");
    f("lr", lr, "peak learning rate", positive);
    f("beta1", beta1, "decay of the running mean of the gradient",
      Range{.min = 0, .max = 1, .open_max = true});
    f("beta2", beta2, "decay of the running mean of the squared gradient",
      Range{.min = 0, .max = 1, .open_max = true});
    f("eps", eps, "added to the root of the mean squared gradient", positive);
    f("momentum", momentum, "muon: decay of the momentum",
      Range{.min = 0, .max = 1, .open_max = true});
    f("weight_decay", weight_decay, "weight decay", non_negative);
    f("clip_norm", clip_norm,
      "largest norm of the gradient of all parameters together; 0: no clipping", non_negative);
  }
};

/// Parameters that share a learning rate; float32 or double, all on one device.
struct ParameterGroup {
  std::string name;  ///< for the log: "unet", "head"
  tensor::NamedTensors parameters;
  double lr = 0;
};

/// Adam or AdamW by LibTorch's fused kernels: the bits of torch.optim.Adam(fused=True); or Muon,
/// torch.optim.Muon(adjust_lr_fn="match_rms_adamw"), whose steps are as large as Adam's, so that
/// one learning rate does for both. A kernel [out, in, ...] counts as a matrix of `out` rows, and
/// what has fewer than two dimensions goes by AdamW. State is kept and saved by parameter name, so
/// that the order and grouping of parameters may change between versions.
class Optimizer {
 public:
  /// Throws ConfigError if there is nothing to train, a parameter appears twice, or one is in half
  /// precision. Muon orthogonalises `threads` matrices side by side, 0: on the caller's thread; the
  /// numbers are the same.
  Optimizer(std::vector<ParameterGroup> groups, const OptimizerConfig& config, int threads = 0);

  /// One update with learning rate `lr_factor * group.lr`. Gradients are divided by
  /// `gradient_divisor` on the way (and may be left divided). Throws vdd::Error, before anything
  /// changes, if a parameter has no gradient.
  void step(double lr_factor, double gradient_divisor = 1);
  /// Drops all gradients.
  void zero_grad();

  /// Number of steps so far.
  std::int64_t updates() const { return updates_; }
  const std::vector<ParameterGroup>& groups() const { return groups_; }
  /// Lists the parameters of all groups, in order.
  const tensor::NamedTensors& parameters() const { return parameters_; }

  /// "<parameter>.exp_avg" and "<parameter>.exp_avg_sq" of each parameter,
  /// "<parameter>.momentum_buffer" of those that go by Muon; the live tensors. Save updates()
  /// beside them.
  tensor::NamedTensors state() const;
  /// Every missing, unexpected or misshaped tensor is named in one DataError, before anything
  /// changes.
  void load_state(const tensor::TensorSource& source, std::int64_t updates);

 private:
  OptimizerConfig config_;
  std::vector<ParameterGroup> groups_;
  tensor::NamedTensors parameters_;
  // As parameters_: either the first two or the last, the others undefined.
  std::vector<torch::Tensor> exp_avg_, exp_avg_sq_, momentum_buffer_;
  std::int64_t updates_ = 0;
  ThreadPool pool_;
};

}  // namespace vdd::optim
