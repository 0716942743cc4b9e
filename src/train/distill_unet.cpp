// SPDX-License-Identifier: Apache-2.0
#include "vdd/train/distill_unet.h"

#include "vdd/train/unet_distiller.h"

namespace vdd::train {
namespace {

class UnetStage final : public ConfiguredStage<DistillUnetConfig> {
 public:
  using ConfiguredStage::ConfiguredStage;

  std::string program() const override { return "distill_unet"; }
  std::unique_ptr<Distiller> make_distiller(DistillerParts parts) const override {
    return std::make_unique<UnetDistiller>(config_, std::move(parts));
  }
};

}  // namespace

std::unique_ptr<Stage> make_stage(const DistillUnetConfig& config) {
  return std::make_unique<UnetStage>(config);
}

ExitCode distill_unet(DistillUnetConfig config, const RunOptions& options) {
  return distill(*make_stage(config), options);
}

}  // namespace vdd::train
