// SPDX-License-Identifier: Apache-2.0
#include "vdd/optim/trainability_audit.h"

#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iomanip>
#include <sstream>
#include <utility>

#include "name_groups.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"
#include "vdd/tensor/random.h"

namespace vdd::optim {
namespace {

constexpr std::array<std::pair<Trainability, std::string_view>, 7> kTexts{{
    {Trainability::kFlows, "trained"},
    {Trainability::kFrozen, "frozen"},
    {Trainability::kBehindZero, "trained, waits for a layer of zeros"},
    {Trainability::kZeroGradient, "trained, but its gradient is exactly zero"},
    {Trainability::kNoGradient, "trained, but no gradient reaches it"},
    {Trainability::kNonFinite, "gradient not finite"},
    {Trainability::kFrozenGradient, "frozen, but gets a gradient"},
}};

std::string_view text(Trainability verdict) {
  return std::find_if(kTexts.begin(), kTexts.end(), [&](auto& t) { return t.first == verdict; })
      ->second;
}

bool is_error(Trainability verdict) {
  return verdict != Trainability::kFlows && verdict != Trainability::kBehindZero &&
         verdict != Trainability::kFrozen;
}

void drop_gradients(const Selection& selection) {
  for (const auto& p : selection.parameters) p.tensor.mutable_grad().reset();
}

/// Small numbers in the place of the weights that are all zeros; they are put back at the end.
class ZerosFilled {
 public:
  explicit ZerosFilled(const Selection& selection) {
    const torch::NoGradGuard no_grad;
    for (const auto& p : selection.parameters) {
      // A bias of zeros blocks nothing.
      if (!p.name.ends_with("weight") || p.tensor.count_nonzero().item<int64_t>() > 0) continue;
      names_.push_back(p.name);
      weights_.emplace_back(p.tensor, p.tensor.clone());
      torch::Tensor weight = p.tensor;
      weight.copy_(tensor::randn(weight.sizes(), names_.size()) * 1e-2);
    }
  }
  ~ZerosFilled() {
    const torch::NoGradGuard no_grad;
    for (auto& [weight, before] : weights_) weight.copy_(before);
  }
  ZerosFilled(const ZerosFilled&) = delete;
  ZerosFilled& operator=(const ZerosFilled&) = delete;

  const std::vector<std::string>& names() const { return names_; }

 private:
  std::vector<std::string> names_;
  std::vector<std::pair<torch::Tensor, torch::Tensor>> weights_;  // live, before
};

Trainability judge(const Selection::Parameter& p, double norm) {
  const bool has_gradient = p.tensor.grad().defined();
  if (!p.trained) return has_gradient ? Trainability::kFrozenGradient : Trainability::kFrozen;
  if (!has_gradient) return Trainability::kNoGradient;
  if (!std::isfinite(norm)) return Trainability::kNonFinite;
  return norm == 0 ? Trainability::kZeroGradient : Trainability::kFlows;
}

/// The largest absolute value: unlike a norm it cannot underflow to zero.
double largest_gradient(const torch::Tensor& parameter) {
  const torch::Tensor& grad = parameter.grad();
  return grad.defined() ? grad.abs().max().item<double>() : 0;
}

/// Runs the loss and a backward pass; again with a smaller scale while that makes gradients
/// overflow.
void backward(const Selection& selection, const std::function<torch::Tensor()>& loss,
              LossScaler& scaler) {
  const auto finite = [](const auto& p) { return std::isfinite(largest_gradient(p.tensor)); };
  while (true) {
    const torch::Tensor value = loss();
    (value * scaler.scale()).backward();
    if (scaler.scale() <= 1 || !std::isfinite(value.item<double>()) ||
        std::all_of(selection.parameters.begin(), selection.parameters.end(), finite)) {
      return;
    }
    drop_gradients(selection);
    scaler.update(/*overflow=*/true);
  }
}

}  // namespace

TrainabilityAudit audit_trainability(const Selection& selection,
                                     const std::function<torch::Tensor()>& loss,
                                     LossScaler scaler) {
  for (const auto& p : selection.parameters) {
    if (p.tensor.grad().defined())
      throw Error(concat("audit: ", p.name, " has a gradient already"));
  }

  backward(selection, loss, scaler);
  TrainabilityAudit audit;
  for (const auto& p : selection.parameters) {
    const double largest = largest_gradient(p.tensor) / scaler.scale();
    audit.entries.push_back({p.name, judge(p, largest), largest});
  }
  drop_gradients(selection);

  const auto is_zero = [](auto& e) { return e.verdict == Trainability::kZeroGradient; };
  if (std::none_of(audit.entries.begin(), audit.entries.end(), is_zero)) return audit;
  const ZerosFilled filled(selection);
  if (filled.names().empty()) return audit;

  backward(selection, loss, scaler);
  for (std::size_t i = 0; i < audit.entries.size(); ++i) {
    auto& entry = audit.entries[i];
    if (!is_zero(entry) || largest_gradient(selection.parameters[i].tensor) == 0) continue;
    entry.verdict = Trainability::kBehindZero;
    audit.zero_layers = filled.names();
  }
  drop_gradients(selection);
  return audit;
}

bool TrainabilityAudit::passed() const {
  return std::none_of(entries.begin(), entries.end(), [](auto& e) { return is_error(e.verdict); });
}

std::string TrainabilityAudit::table() const {
  std::ostringstream out;
  out.imbue(std::locale::classic());
  for (const auto& [verdict, words] : kTexts) {
    const auto count = std::count_if(entries.begin(), entries.end(),
                                     [&](auto& e) { return e.verdict == verdict; });
    if (count > 0) out << std::setw(7) << count << "  " << words << '\n';
  }

  struct Row {
    std::string name;
    double smallest, largest;
  };
  std::vector<Row> groups;
  for (const Entry& e : entries) {
    if (e.verdict != Trainability::kFlows) continue;
    const std::string group = name_group(e.name);
    auto row = std::find_if(groups.begin(), groups.end(), [&](auto& r) { return r.name == group; });
    if (row == groups.end()) row = groups.insert(row, {group, e.gradient, e.gradient});
    row->smallest = std::min(row->smallest, e.gradient);
    row->largest = std::max(row->largest, e.gradient);
  }
  out << "largest gradient of a tensor, over the tensors of a group\n" << std::setprecision(3);
  for (const Row& row : groups) {
    out << std::left << std::setw(20) << row.name << std::right << "  from " << std::setw(9)
        << row.smallest << " to " << std::setw(9) << row.largest << '\n';
  }

  for (const Entry& e : entries) {
    if (e.verdict == Trainability::kFlows || e.verdict == Trainability::kFrozen) continue;
    out << e.name << ": " << text(e.verdict) << '\n';
  }
  for (const std::string& name : zero_layers) out << "layer of zeros: " << name << '\n';
  return out.str();
}

void TrainabilityAudit::require_passed() const {
  constexpr std::size_t kListed = 3;
  std::vector<std::string> problems;
  std::size_t count = 0;
  for (const Entry& e : entries) {
    if (!is_error(e.verdict)) continue;
    if (++count <= kListed) problems.push_back(concat(e.name, " (", text(e.verdict), ")"));
  }
  if (count == 0) return;
  if (count > kListed) problems.push_back(concat("and ", count - kListed, " more"));
  throw ConfigError(concat("audit: ", join(problems, ", ")));
}

}  // namespace vdd::optim
