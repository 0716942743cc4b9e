// SPDX-License-Identifier: Apache-2.0
#include "vdd/optim/ema.h"

#include <torch/torch.h>

#include <algorithm>

namespace vdd::optim {

Ema::Ema(tensor::NamedTensors parameters, const EmaConfig& config)
    : parameters_(std::move(parameters)), decay_(config.decay) {
  for (const auto& [name, parameter] : parameters_) {
    averages_.push_back(parameter.detach().clone());
    if (!spare_.defined() || spare_.nbytes() < parameter.nbytes()) {
      spare_ = at::empty({static_cast<std::int64_t>(parameter.nbytes())},
                         parameter.options().dtype(torch::kUInt8));
    }
  }
}

void Ema::update() {
  const torch::NoGradGuard no_grad;
  const auto n = static_cast<double>(++updates_);
  const double decay = updates_ == 1 ? 0 : std::min(decay_, n / (9 + n));
  for (std::size_t i = 0; i < averages_.size(); ++i) {
    averages_[i].lerp_(parameters_[i].second, 1 - decay);
  }
}

tensor::NamedTensors Ema::state() const {
  tensor::NamedTensors state;
  for (std::size_t i = 0; i < averages_.size(); ++i) {
    state.emplace_back(parameters_[i].first, averages_[i]);
  }
  return state;
}

void Ema::load_state(const tensor::TensorSource& source, std::int64_t updates) {
  tensor::load_state(state(), source);
  updates_ = updates;
}

void Ema::swap() {
  const torch::NoGradGuard no_grad;
  for (std::size_t i = 0; i < averages_.size(); ++i) {
    torch::Tensor parameter = parameters_[i].second;
    torch::Tensor before = spare_.narrow(0, 0, static_cast<std::int64_t>(parameter.nbytes()))
                               .view(parameter.scalar_type())
                               .view(parameter.sizes());
    before.copy_(parameter);
    parameter.copy_(averages_[i]);
    averages_[i].copy_(before);
  }
}

}  // namespace vdd::optim
