// SPDX-License-Identifier: Apache-2.0
#include "vdd/optim/optimizer.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <future>
#include <set>

#include "gradient_layout.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"
#include "vdd/tensor/dtype.h"

namespace vdd::optim {
namespace {

// Five Newton-Schulz steps towards the nearest matrix with orthonormal rows (or columns):
// singular values end between 0.7 and 1.2. Keller Jordan, "Muon" (2024); K x K is the smaller side.
torch::Tensor orthogonalize(const torch::Tensor& matrix_RC) {
  constexpr double a = 3.4445, b = -4.7750, c = 2.0315;
  const bool tall = matrix_RC.size(0) > matrix_RC.size(1);
  torch::Tensor x_KN = tall ? matrix_RC.t() : matrix_RC;
  if (x_KN.is_cuda()) x_KN = x_KN.to(torch::kBFloat16);  // As PyTorch; precise enough, and fast.
  x_KN = x_KN / x_KN.norm().clamp_min(1e-7);
  for (int step = 0; step < 5; ++step) {
    const torch::Tensor gram_KK = x_KN.mm(x_KN.t());
    x_KN = at::addmm(x_KN, at::addmm(gram_KK, gram_KK, gram_KK, b, c), x_KN, a);
  }
  return (tall ? x_KN.t() : x_KN).to(matrix_RC.scalar_type());
}

void muon_step(const torch::Tensor& parameter, torch::Tensor& momentum_buffer, double lr,
               double gradient_divisor, const OptimizerConfig& config) {
  at::init_num_threads();  // a thread of the pool may be new
  const torch::NoGradGuard no_grad;
  const torch::Tensor grad = parameter.grad() / gradient_divisor;
  momentum_buffer.lerp_(grad, 1 - config.momentum);
  const torch::Tensor nesterov_RC = grad.lerp(momentum_buffer, config.momentum).flatten(1);
  const auto larger_side = static_cast<double>(std::max(nesterov_RC.size(0), nesterov_RC.size(1)));
  parameter.mul_(1 - lr * config.weight_decay);
  // Root mean square 0.2 lr, Adam's in practice: Liu et al., "Muon is Scalable for LLM Training".
  parameter.sub_(orthogonalize(nesterov_RC).view_as(parameter), 0.2 * lr * std::sqrt(larger_side));
}

struct AdamLists {
  std::vector<torch::Tensor> parameters, grads, exp_avgs, exp_avg_sqs;
};

void adam_step(AdamLists& lists, std::int64_t updates, double lr, double gradient_divisor,
               const OptimizerConfig& config) {
  const auto scalar = torch::TensorOptions(lists.parameters[0].device()).dtype(torch::kFloat32);
  const std::vector<torch::Tensor> counts(lists.parameters.size(),
                                          torch::full({}, static_cast<double>(updates), scalar));
  std::optional<torch::Tensor> divisor;
  if (gradient_divisor != 1) divisor = torch::full({}, gradient_divisor, scalar);
  const auto update = config.type == OptimizerType::kAdam ? at::_ops::_fused_adam_::call
                                                          : at::_ops::_fused_adamw_::call;
  update(lists.parameters, lists.grads, lists.exp_avgs, lists.exp_avg_sqs, /*max_exp_avg_sqs=*/{},
         counts, lr, config.beta1, config.beta2, config.weight_decay, config.eps,
         /*amsgrad=*/false, /*maximize=*/false, divisor, /*found_inf=*/{});
}

}  // namespace

Optimizer::Optimizer(std::vector<ParameterGroup> groups, const OptimizerConfig& config, int threads)
    : config_(config),
      groups_(std::move(groups)),
      pool_(config.type == OptimizerType::kMuon ? threads : 0) {
  std::set<std::string> names;
  for (const ParameterGroup& group : groups_) {
    for (const auto& [name, parameter] : group.parameters) {
      if (!names.insert(name).second)
        throw ConfigError(concat("optimizer: ", name, " is there twice"));
      const auto type = parameter.scalar_type();
      if (type != torch::kFloat32 && type != torch::kFloat64) {
        throw ConfigError(concat("optimizer: ", name, " is ", tensor::dtype_name(type),
                                 ", but weights train in fp32"));
      }
      parameters_.emplace_back(name, parameter);
      const bool muon = config_.type == OptimizerType::kMuon && parameter.dim() >= 2;
      const auto zeros = [&](bool kept) {
        return kept ? torch::zeros_like(parameter) : torch::Tensor();
      };
      exp_avg_.push_back(zeros(!muon));
      exp_avg_sq_.push_back(zeros(!muon));
      momentum_buffer_.push_back(zeros(muon));
    }
  }
  if (parameters_.empty()) throw ConfigError("optimizer: nothing to train");
}

void Optimizer::step(double lr_factor, double gradient_divisor) {
  const torch::NoGradGuard no_grad;
  for (const auto& [name, parameter] : parameters_) {
    if (!parameter.grad().defined()) throw Error(concat("optimizer: ", name, " has no gradient"));
  }

  ++updates_;
  std::vector<std::future<void>> muon_steps;
  std::size_t i = 0;
  for (const ParameterGroup& group : groups_) {
    const double lr = lr_factor * group.lr;
    AdamLists adam;
    for (const std::size_t end = i + group.parameters.size(); i < end; ++i) {
      const torch::Tensor& parameter = parameters_[i].second;
      if (momentum_buffer_[i].defined()) {
        muon_steps.push_back(pool_.submit([this, &parameter, i, lr, gradient_divisor] {
          muon_step(parameter, momentum_buffer_[i], lr, gradient_divisor, config_);
        }));
        continue;
      }
      adam.parameters.push_back(parameter);
      // The kernel walks through memory: every tensor must be laid out like the parameter.
      adam.grads.push_back(laid_out_like(parameter, parameter.grad()));
      adam.exp_avgs.push_back(exp_avg_[i]);
      adam.exp_avg_sqs.push_back(exp_avg_sq_[i]);
    }
    if (!adam.parameters.empty()) adam_step(adam, updates_, lr, gradient_divisor, config_);
  }
  for (auto& muon_step : muon_steps) muon_step.wait();  // before any of them throws
  for (auto& muon_step : muon_steps) muon_step.get();
}

void Optimizer::zero_grad() {
  for (auto& [name, parameter] : parameters_) parameter.mutable_grad().reset();
}

tensor::NamedTensors Optimizer::state() const {
  tensor::NamedTensors state;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const std::string& name = parameters_[i].first;
    if (momentum_buffer_[i].defined()) {
      state.emplace_back(name + ".momentum_buffer", momentum_buffer_[i]);
      continue;
    }
    state.emplace_back(name + ".exp_avg", exp_avg_[i]);
    state.emplace_back(name + ".exp_avg_sq", exp_avg_sq_[i]);
  }
  return state;
}

void Optimizer::load_state(const tensor::TensorSource& source, std::int64_t updates) {
  tensor::load_state(state(), source);
  updates_ = updates;
}

}  // namespace vdd::optim
