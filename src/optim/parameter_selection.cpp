// SPDX-License-Identifier: Apache-2.0
#include "vdd/optim/parameter_selection.h"

#include <torch/torch.h>

#include <algorithm>
#include <iomanip>
#include <set>
#include <sstream>

#include "name_groups.h"
#include "vdd/core/error.h"
#include "vdd/core/log.h"
#include "vdd/core/text.h"
#include "vdd/tensor/dtype.h"

namespace vdd::optim {
namespace {

bool excludes(const std::string& pattern) {
  return pattern.starts_with('!');
}
std::string without_mark(const std::string& pattern) {
  return excludes(pattern) ? pattern.substr(1) : pattern;
}

struct Count {
  std::int64_t tensors = 0, parameters = 0;
  void add(const torch::Tensor& tensor) { ++tensors, parameters += tensor.numel(); }
};

std::ostream& operator<<(std::ostream& out, const Count& count) {
  return out << std::setw(9) << count.tensors << std::setw(15) << count.parameters;
}

}  // namespace

bool matches_name(const std::string& pattern, const std::string& name) {
  return glob_match(concat("*.", pattern, ".*"), concat('.', name, '.'));
}

tensor::NamedTensors Selection::trained() const {
  tensor::NamedTensors out;
  for (const Parameter& p : parameters) {
    if (p.trained) out.emplace_back(p.name, p.tensor);
  }
  return out;
}

tensor::NamedTensors Selection::frozen() const {
  tensor::NamedTensors out;
  for (const Parameter& p : parameters) {
    if (!p.trained) out.emplace_back(p.name, p.tensor);
  }
  return out;
}

std::string Selection::table() const {
  struct Row {
    std::string name;
    Count all{}, trained{};
  };
  std::vector<Row> groups;
  std::vector<std::pair<std::string, Count>> reasons;
  Row total{.name = "total"};
  std::size_t width = 20;
  for (const Parameter& p : parameters) {
    const std::string group = name_group(p.name);
    auto row = std::find_if(groups.begin(), groups.end(), [&](auto& r) { return r.name == group; });
    if (row == groups.end()) row = groups.insert(row, {.name = group});
    for (Row* r : {&*row, &total}) {
      r->all.add(p.tensor);
      if (p.trained) r->trained.add(p.tensor);
    }
    width = std::max(width, group.size());
    if (p.trained) continue;

    const std::string reason = p.pattern.empty() ? "no pattern" : p.pattern;
    auto entry =
        std::find_if(reasons.begin(), reasons.end(), [&](auto& r) { return r.first == reason; });
    if (entry == reasons.end()) entry = reasons.insert(entry, {reason, {}});
    entry->second.add(p.tensor);
    width = std::max(width, reason.size() + 8);
  }
  groups.push_back(total);

  std::ostringstream out;
  out.imbue(std::locale::classic());
  const auto name = std::setw(static_cast<int>(width));
  out << std::left << name << "group" << std::right
      << "  tensors     parameters  trained        trained" << '\n';
  for (const Row& row : groups) {
    out << std::left << name << row.name << std::right << row.all << row.trained << '\n';
  }
  for (const auto& [reason, count] : reasons) {
    out << std::left << name << concat("frozen: ", reason) << std::right << count << '\n';
  }
  return out.str();
}

const std::vector<std::string>& preset_patterns(TrainedPreset preset) {
  static const std::vector<std::string> all = {"*", "!attn2.to_q", "!attn2.to_k",
                                               "!transformer_blocks.*.norm2",
                                               "!temporal_transformer_blocks.*.norm2"};
  static const std::vector<std::string> spatial = {"*",
                                                   "!temporal_res_block",
                                                   "!temporal_transformer_blocks",
                                                   "!time_pos_embed",
                                                   "!time_mixer",
                                                   "!attn2.to_q",
                                                   "!attn2.to_k",
                                                   "!transformer_blocks.*.norm2"};
  static const std::vector<std::string> temporal = {"temporal_res_block",
                                                    "temporal_transformer_blocks",
                                                    "time_pos_embed",
                                                    "time_mixer",
                                                    "!attn2.to_q",
                                                    "!attn2.to_k",
                                                    "!temporal_transformer_blocks.*.norm2"};
  switch (preset) {
    case TrainedPreset::kAll:
      return all;
    case TrainedPreset::kSpatial:
      return spatial;
    case TrainedPreset::kTemporal:
      return temporal;
  }
  throw Error("unknown preset");
}

std::vector<std::string> SelectionConfig::in_force(const std::vector<std::string>& more) const {
  if (!patterns.empty()) return patterns;
  std::vector<std::string> all = preset_patterns(preset);
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

Selection select_parameters(const tensor::NamedTensors& parameters,
                            const std::vector<std::string>& patterns) {
  std::set<std::string> used;
  Selection selection;
  for (const auto& [name, tensor] : parameters) {
    Selection::Parameter& p = selection.parameters.emplace_back(name, tensor);
    for (const std::string& pattern : patterns) {
      if (!matches_name(without_mark(pattern), name)) continue;
      p.pattern = pattern;
      p.trained = !excludes(pattern);
      used.insert(pattern);
    }
  }

  for (const std::string& pattern : patterns) {
    if (used.contains(pattern)) continue;
    const std::string message = concat("pattern '", escape(pattern), "' fits no parameter");
    if (!excludes(pattern)) throw ConfigError(concat("trained.patterns: ", message));
    log::warning("train", message);
  }
  const tensor::NamedTensors trained = selection.trained();
  if (trained.empty()) throw ConfigError("trained.patterns: no parameter trains");
  for (const auto& [name, tensor] : trained) {
    if (tensor.scalar_type() == torch::kFloat32 || tensor.scalar_type() == torch::kFloat64)
      continue;
    throw ConfigError(concat("trained.patterns: ", name, " is ",
                             tensor::dtype_name(tensor.scalar_type()),
                             ", but weights train in fp32"));
  }

  for (Selection::Parameter& p : selection.parameters) p.tensor.requires_grad_(p.trained);
  return selection;
}

}  // namespace vdd::optim
