// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "vdd/core/enum_names.h"
#include "vdd/core/field_checks.h"
#include "vdd/tensor/state_dict.h"

// Which parameters train. A pattern is a piece of a parameter's name, whole segments between dots:
// "attn2.to_q" is in "mid_block.attentions.0.transformer_blocks.0.attn2.to_q.weight"; `*` stands
// for any characters, dots too, and `?` for one. The last pattern of the list that fits a name
// decides: it trains, or with a leading "!" it is frozen. No pattern: frozen.
namespace vdd::optim {

/// Parts of a UNet by name. Each leaves out the parts of the cross-attention that a context of one
/// token leaves idle: their gradient is zero but for rounding, of which Adam would make full-size
/// steps.
enum class TrainedPreset { kAll, kSpatial, kTemporal };
constexpr auto names(TrainedPreset) {
  return enum_names<TrainedPreset>({{TrainedPreset::kAll, "all"},
                                    {TrainedPreset::kSpatial, "spatial"},
                                    {TrainedPreset::kTemporal, "temporal"}});
}

/// The patterns that a preset stands for.
const std::vector<std::string>& preset_patterns(TrainedPreset preset);

/// Which parameters of a UNet train.
struct SelectionConfig {
  TrainedPreset preset = TrainedPreset::kSpatial;
  std::vector<std::string> patterns;

  constexpr void fields(auto& f) {
    f("preset", preset,
      "all; spatial: layers that work within a frame; temporal: layers that work across frames; "
      "each without the cross-attention weights that a context of one token leaves unused");
    f("patterns", patterns,
      "pieces of parameter names, used instead of the preset; the last one that matches a "
      "parameter decides: it trains, or with a leading ! is frozen");
  }
  /// Returns the patterns, or else those of the preset with `more` of the training after them.
  std::vector<std::string> in_force(const std::vector<std::string>& more = {}) const;
};

/// Tells whether `pattern` (without "!") is a run of whole segments of `name`.
bool matches_name(const std::string& pattern, const std::string& name);

struct Selection {
  struct Parameter {
    std::string name;
    torch::Tensor tensor;
    bool trained = false;
    std::string pattern;  ///< which decided, as written; empty if none fits
  };
  std::vector<Parameter> parameters;  ///< all, in the order given

  tensor::NamedTensors trained() const;
  tensor::NamedTensors frozen() const;
  /// Writes for people, per group (first segment of the name, with the index of a list) tensors,
  /// parameters and what of them trains; then what each excluding pattern froze.
  std::string table() const;
};

/// Decides each parameter and sets its requires_grad. Throws ConfigError if an including pattern
/// fits no name, if nothing trains, or if a trained parameter is not float32 (or double): master
/// weights are never in half precision. An excluding pattern that fits nothing is a warning.
Selection select_parameters(const tensor::NamedTensors& parameters,
                            const std::vector<std::string>& patterns);

}  // namespace vdd::optim
