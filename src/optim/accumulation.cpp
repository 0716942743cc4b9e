// SPDX-License-Identifier: Apache-2.0
#include "vdd/optim/accumulation.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "gradient_layout.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::optim {

double gradient_norm(const tensor::NamedTensors& parameters) {
  std::vector<torch::Tensor> norms;
  norms.reserve(parameters.size());
  for (const auto& [name, parameter] : parameters) {
    if (!parameter.grad().defined()) throw Error(concat("parameter ", name, " has no gradient"));
    norms.push_back(at::linalg_vector_norm(parameter.grad()));
  }
  if (norms.empty()) return 0;
  // One transfer for all; then in the order of the list, whatever the device.
  const torch::Tensor all = torch::stack(norms).to(torch::kCPU, torch::kFloat64);
  double sum = 0;
  for (int64_t i = 0; i < all.numel(); ++i) sum += std::pow(all.data_ptr<double>()[i], 2);
  return std::sqrt(sum);
}

void require_finite_gradients(const tensor::NamedTensors& parameters) {
  for (const auto& [name, parameter] : parameters) {
    const torch::Tensor& grad = parameter.grad();
    if (!grad.defined()) continue;
    const torch::Tensor bad = grad.isfinite().logical_not();
    const auto count = bad.sum().item<int64_t>();
    if (count == 0) continue;
    const torch::Tensor first = bad.nonzero()[0].to(torch::kCPU);
    std::vector<std::string> index;
    for (int64_t i = 0; i < first.numel(); ++i) index.push_back(concat(first[i].item<int64_t>()));
    throw NonFiniteError(concat("gradient of ", name, ": ", count, " of ", grad.numel(),
                                " values are not finite, the first at [", join(index, ","), "]"));
  }
}

Accumulation::Accumulation(Optimizer& optimizer, LossScaler& scaler, double clip_norm)
    : optimizer_(optimizer), scaler_(scaler), clip_norm_(clip_norm) {}

/// Returns what is differentiated: the sum over the samples, scaled.
torch::Tensor Accumulation::weighted(const torch::Tensor& loss, std::int64_t samples) const {
  const auto value = loss.item<double>();
  if (!std::isfinite(value)) throw NonFiniteError(concat("the loss is ", value));
  const double weight = scaler_.scale() * static_cast<double>(samples);
  return weight == 1 ? loss : loss * weight;
}

void Accumulation::add(const torch::Tensor& loss, std::int64_t samples) {
  weighted(loss, samples).backward();
  samples_ += samples;
}

std::vector<torch::Tensor> Accumulation::gradients(const torch::Tensor& loss,
                                                   std::int64_t samples) const {
  std::vector<torch::Tensor> parameters;
  for (const auto& [name, parameter] : optimizer_.parameters()) parameters.push_back(parameter);
  return torch::autograd::grad({weighted(loss, samples)}, parameters, /*grad_outputs=*/{},
                               /*retain_graph=*/false, /*create_graph=*/false,
                               /*allow_unused=*/true);
}

void Accumulation::add(const std::vector<torch::Tensor>& gradients, std::int64_t samples) {
  const torch::NoGradGuard no_grad;
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    const torch::Tensor& grad = gradients[i];
    if (!grad.defined()) continue;
    torch::Tensor parameter = optimizer_.parameters()[i].second;
    // Laid out like the parameter, as a backward pass leaves it: the norm sums in memory order.
    const torch::Tensor own = laid_out_like(parameter, grad);
    torch::Tensor& sum = parameter.mutable_grad();
    sum = sum.defined() ? sum + own : own;  // not in place: gradients may share memory
  }
  samples_ += samples;
}

UpdateReport Accumulation::update(double lr_factor) {
  if (samples_ == 0) throw Error("an update without samples");
  UpdateReport report{.loss_scale = scaler_.scale(), .samples = samples_};
  samples_ = 0;

  // Mean, unscaling and clipping are one division, which the optimizer does in passing.
  double divisor = report.loss_scale * static_cast<double>(report.samples);
  report.grad_norm = gradient_norm(optimizer_.parameters()) / divisor;
  report.skipped = scaler_.enabled() && !std::isfinite(report.grad_norm);
  if (!report.skipped) {
    if (!std::isfinite(report.grad_norm)) {
      require_finite_gradients(optimizer_.parameters());
      throw NonFiniteError("the norm of the gradient is too large for a number");
    }
    if (clip_norm_ > 0) divisor *= std::max(1.0, (report.grad_norm + 1e-6) / clip_norm_);
    optimizer_.step(lr_factor, divisor);
  }
  optimizer_.zero_grad();
  scaler_.update(report.skipped);
  return report;
}

void Accumulation::discard() {
  optimizer_.zero_grad();
  samples_ = 0;
}

}  // namespace vdd::optim
