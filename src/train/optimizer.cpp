// SPDX-License-Identifier: Apache-2.0
#include "vdd/train/optimizer.h"

#include <torch/torch.h>

#include <set>

#include "gradient_layout.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"
#include "vdd/tensor/dtype.h"

namespace vdd::train {

Optimizer::Optimizer(std::vector<ParameterGroup> groups, const OptimizerConfig& config)
    : config_(config), groups_(std::move(groups)) {
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
      exp_avg_.push_back(torch::zeros_like(parameter));
      exp_avg_sq_.push_back(torch::zeros_like(parameter));
    }
  }
  if (parameters_.empty()) throw ConfigError("optimizer: nothing to train");
}

void Optimizer::step(double lr_factor, double gradient_divisor) {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> values, grads;
  for (const auto& [name, parameter] : parameters_) {
    const torch::Tensor& grad = parameter.grad();
    if (!grad.defined()) throw Error(concat("optimizer: ", name, " has no gradient"));
    values.push_back(parameter);
    // The kernel walks through memory: every tensor must be laid out like the parameter.
    grads.push_back(laid_out_like(parameter, grad));
  }

  ++updates_;
  const auto update =
      config_.type == "adamw" ? at::_ops::_fused_adamw_::call : at::_ops::_fused_adam_::call;
  std::size_t begin = 0;
  for (const ParameterGroup& group : groups_) {
    const std::size_t size = group.parameters.size();
    if (size == 0) continue;
    const auto part = [&](const std::vector<torch::Tensor>& all) {
      return at::TensorList(all).slice(begin, size);
    };
    const auto scalar = torch::TensorOptions(values[begin].device()).dtype(torch::kFloat32);
    const std::vector<torch::Tensor> counts(size,
                                            torch::full({}, static_cast<double>(updates_), scalar));
    std::optional<torch::Tensor> divisor;
    if (gradient_divisor != 1) divisor = torch::full({}, gradient_divisor, scalar);
    update(part(values), part(grads), part(exp_avg_), part(exp_avg_sq_), /*max_exp_avg_sqs=*/{},
           counts, lr_factor * group.lr, config_.beta1, config_.beta2, config_.weight_decay,
           config_.eps, /*amsgrad=*/false, /*maximize=*/false, divisor, /*found_inf=*/{});
    begin += size;
  }
}

void Optimizer::zero_grad() {
  for (auto& [name, parameter] : parameters_) parameter.mutable_grad().reset();
}

tensor::NamedTensors Optimizer::state() const {
  tensor::NamedTensors state;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    state.emplace_back(parameters_[i].first + ".exp_avg", exp_avg_[i]);
    state.emplace_back(parameters_[i].first + ".exp_avg_sq", exp_avg_sq_[i]);
  }
  return state;
}

void Optimizer::load_state(const tensor::TensorSource& source, std::int64_t updates) {
  tensor::load_state(state(), source);
  updates_ = updates;
}

}  // namespace vdd::train
