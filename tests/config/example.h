// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vdd/core/enum_names.h"
#include "vdd/core/field_checks.h"

// A settings struct with every type of value that a config may hold.
namespace vdd::test {

enum class SourceKind { kVkitti2, kHypersim, kVideo };
constexpr auto names(SourceKind) {
  return enum_names<SourceKind>({{SourceKind::kVkitti2, "vkitti2"},
                                 {SourceKind::kHypersim, "hypersim"},
                                 {SourceKind::kVideo, "video"}});
}

struct SourceConfig {
  SourceKind kind = SourceKind::kVkitti2;
  double weight = 1.0;

  constexpr void fields(auto& f) {
    f("kind", kind, "layout");
    f("weight", weight, "share of the mixture", positive);
  }
  bool operator==(const SourceConfig&) const = default;
};

struct OptimizerConfig {
  double lr = 1e-5;
  std::int64_t warmup_steps = 100;
  std::optional<double> clip_norm = 1.0;

  constexpr void fields(auto& f) {
    f("lr", lr, "peak learning rate", positive);
    f("warmup_steps", warmup_steps, "linear warm-up, in updates", non_negative);
    f("clip_norm", clip_norm, "largest gradient norm, null: no clipping", positive);
  }
  bool operator==(const OptimizerConfig&) const = default;
};

struct ExampleConfig {
  std::string name = "run";
  std::int64_t steps = 10;
  bool resume = false;
  double lambda = 0.5;
  std::optional<std::int64_t> seed = {};
  std::optional<std::string> note = {};
  std::optional<bool> flag = {};
  std::vector<std::int64_t> size = {64, 128};
  std::vector<double> betas = {0.9, 0.999};
  std::vector<std::string> patterns = {"*"};
  std::vector<bool> switches = {};
  std::vector<std::int64_t> layers = {2};
  std::string unit = "px";
  std::vector<SourceKind> kinds = {SourceKind::kVideo};
  std::optional<SourceKind> fallback = {};
  OptimizerConfig optimizer = {};
  std::vector<SourceConfig> sources = {};
  std::int64_t first = 0;
  std::int64_t last = 8;

  constexpr void fields(auto& f) {
    f("name", name, "name of the run", non_empty);
    f("steps", steps, "updates", in_range(1, 1000));
    f("resume", resume, "go on");
    f("lambda", lambda, "weight of the spatial loss", unit_interval);
    f("seed", seed, "seed, null: from the clock");
    f("note", note, "free text | of any kind");
    f("flag", flag, "yes, no or unknown");
    f("size", size, "height and width, in pixels", multiple_of(64), list_size(2));
    f("betas", betas, "decay rates", unit_interval);
    f("patterns", patterns, "names", non_empty);
    f("switches", switches, "one per level");
    f("layers", layers, "layers per block", scalar_or_list, positive);
    f("unit", unit, "of lengths", one_of("px", "m"));
    f("kinds", kinds, "layouts to look for", non_empty);
    f("fallback", fallback, "layout of the rest");
    f("optimizer", optimizer, "the optimizer");
    f("sources", sources, "what clips are drawn from");
    f("first", first, "first frame");
    f("last", last, "last frame");
  }
  std::vector<std::string> check() const {
    if (first > last) return {"first: must not be larger than last"};
    return {};
  }
  bool operator==(const ExampleConfig&) const = default;
};

}  // namespace vdd::test
