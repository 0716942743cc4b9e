// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "vdd/distill/clip_targets.h"
#include "vdd/train/training.h"

namespace vdd::distill {

/// Everything that a distiller is made from, besides its config.
struct DistillerParts {
  std::shared_ptr<ClipTargets> targets;
  std::filesystem::path teacher;  ///< folder of the model whose other parts the student uses
  train::Setup setup;
};

/// A student that learns what a frozen teacher says: what both stages have in common.
class Distiller : public train::Task {
 public:
  const optim::Selection& selection() const override { return selection_; }
  std::vector<train::InputWeights> input_weights() const override { return teacher().weights(); }
  bool wants_pixels(const data::ClipPlan& plan) const override {
    return parts_.targets->wants_pixels(plan);
  }
  void reserve_disk(std::int64_t bytes, const std::filesystem::path& run) override {
    parts_.targets->reserve_disk(bytes, run, parts_.setup.validation);
  }
  void log_end() const override;

 protected:
  explicit Distiller(DistillerParts parts) : parts_(std::move(parts)) {}
  Teacher& teacher() const { return parts_.targets->teacher(); }
  torch::Device device() const { return parts_.setup.device; }

  DistillerParts parts_;
  optim::Selection selection_;
};

}  // namespace vdd::distill
