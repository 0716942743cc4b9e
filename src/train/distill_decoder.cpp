// SPDX-License-Identifier: Apache-2.0
#include "vdd/train/distill_decoder.h"

#include "vdd/train/decoder_distiller.h"

namespace vdd::train {
namespace {

class DecoderStage final : public ConfiguredStage<DistillDecoderConfig> {
 public:
  using ConfiguredStage::ConfiguredStage;

  std::string program() const override { return "distill_decoder"; }
  std::optional<DecoderMaps> decoder_maps() const override {
    DecoderMaps maps;
    for (const auto& pair : config_.loss.affinity.pairs) maps.emplace(pair.teacher, pair.pool);
    return maps;
  }
  void check_inputs() const override {
    if (!config_.head.init_from.empty()) open_head_start(config_.head.init_from);
  }
  std::unique_ptr<Distiller> make_distiller(DistillerParts parts) const override {
    return std::make_unique<DecoderDistiller>(config_, std::move(parts));
  }
};

}  // namespace

std::unique_ptr<Stage> make_stage(const DistillDecoderConfig& config) {
  return std::make_unique<DecoderStage>(config);
}

ExitCode distill_decoder(DistillDecoderConfig config, const RunOptions& options) {
  return distill(*make_stage(config), options);
}

}  // namespace vdd::train
