// SPDX-License-Identifier: Apache-2.0
#include "vdd/sweep/plan.h"

#include <algorithm>

#include "vdd/config/reader.h"
#include "vdd/core/error.h"
#include "vdd/core/files.h"
#include "vdd/core/folders.h"
#include "vdd/core/hash.h"
#include "vdd/core/text.h"
#include "vdd/programs/training_programs.h"
#include "vdd/tensor/dtype.h"

namespace vdd::sweep {
namespace {

namespace fs = std::filesystem;

/// Plans the run of a row that is trained.
Run trained_run(const Plan& plan, const fs::path& file, std::size_t index, std::int64_t seed,
                std::span<const std::string> set) {
  const RowConfig& row = plan.config.rows[index];
  std::vector<std::string> settings = {concat("model.teacher=", plan.config.teacher)};
  const auto add = [&](const auto& more) {
    settings.insert(settings.end(), more.begin(), more.end());
  };
  add(plan.config.set);
  add(row.set);
  add(set);
  settings.push_back(concat("train.seed=", seed));
  const bool decoder = row.program == "distill_decoder";
  if (decoder) settings.push_back(concat("head.seed=", seed));

  Run run{.row = index, .seed = seed};
  try {
    const fs::path config = file.parent_path() / row.config;
    run.training = programs::load_distillation(row.program, config, settings);
    run.settings = run.training->leaves();
  } catch (const ConfigError& e) {
    constexpr std::string_view kOverride = "command line: ";  // where most of them are not from
    std::vector<std::string> lines;
    for (std::string line : split(e.what(), '\n')) {
      if (line.starts_with(kOverride)) line.erase(0, kOverride.size());
      lines.push_back(concat(file.string(), ": row '", escape(row.name), "': ", line));
    }
    throw ConfigError(join(lines, "\n"));
  }
  for (std::size_t i = 0; i < plan.runs.size(); ++i) {
    const Run& other = plan.runs[i];
    if (other.seed == seed && plan.config.rows[other.row].name == row.student) run.student = i;
  }
  return run;
}

/// Tells whether a setting has to do with what comes out. What a resumed run may change only says
/// where things are, how fast and how often; the exceptions change the model that is the best, in
/// the end.
bool counts(const std::string& key, std::span<const std::string> free) {
  static const std::vector<std::string> exceptions = {"train.max_steps", "validation.*",
                                                      "head.init_from"};
  const auto fits = [&](const auto& pattern) { return glob_match(pattern, key); };
  return std::ranges::any_of(exceptions, fits) || std::ranges::none_of(free, fits);
}

std::vector<std::string> key_of(const Plan& plan, const Run& run, Contents& contents) {
  const distill::DistillConfig& config = run.training->config();
  std::vector<std::string> key = {concat("program=", run.training->program())};
  const auto free = train::all_free_keys(*run.training);
  for (const auto& [name, value] : run.settings) {
    if (counts(name, free)) key.push_back(concat(name, '=', value));
  }
  key.push_back(
      concat("teacher=", contents.model(config.model.teacher, config.model.teacher_unet)));
  const std::string student = run.student                    ? plan.runs[*run.student].hash
                              : config.model.student.empty() ? "teacher"
                                                             : contents.unet(config.model.student);
  key.push_back(concat("student=", student));
  key.push_back(concat("data=", contents.data(config.data)));
  return key;
}

}  // namespace

Plan load_plan(const fs::path& file, std::span<const std::string> overrides,
               std::span<const std::string> set) {
  Plan plan{.name = file.stem().string(),
            .config = config::load<SweepConfig>(file, overrides),
            .protocols = {},
            .runs = {}};
  for (const EvaluationConfig& e : plan.config.evaluate)
    plan.protocols.push_back(eval::find_protocol(e.protocol, e.set));
  for (const std::int64_t seed : plan.config.seeds) {
    for (std::size_t i = 0; i < plan.config.rows.size(); ++i) {
      plan.runs.push_back(plan.config.rows[i].trained() ? trained_run(plan, file, i, seed, set)
                                                        : Run{.row = i, .seed = seed});
    }
  }
  return plan;
}

template <typename Hash>
std::string Contents::once(const std::string& what, const Hash& hash) {
  const auto found = known_.find(what);
  return found != known_.end() ? found->second : known_[what] = hash();
}

std::string Contents::model(const fs::path& model, const fs::path& unet) {
  return once(concat("model ", model.string(), ' ', unet.string()), [&] {
    const bool head = pipeline::find_model(model, unet).info.decoder == pipeline::Decoder::kDpt;
    return predict::model_hash(pipeline::load_depth_model(
        {.model = model, .unet = unet, .hash = true}, {.dpt_head = head}));
  });
}

std::string Contents::unet(const fs::path& folder) {
  return once(concat("unet ", folder.string()), [&] {
    return tensor::content_hash(
        *pipeline::open_unet_weights(pipeline::find_model(folder, folder).unet));
  });
}

std::string Contents::data(const data::DataConfig& config) {
  return once(concat("data ", config::to_yaml(config)), [&] {
    return data::ClipDataset(config, data::Split::kTrain).fingerprint().content();
  });
}

void identify(Plan& plan, const fs::path& output, Contents& contents) {
  for (const EvaluationConfig& e : plan.config.evaluate) {
    for (const std::string& folder : match_folders(e.data)) {
      if (!is_folder(folder)) throw DataError(folder, "no such folder");
    }
  }
  for (Run& run : plan.runs) {
    if (!run.training) {
      const RowConfig& row = plan.config.rows[run.row];
      run.folder = row.model.empty() ? plan.config.teacher : row.model;
      run.key = {concat("model=", contents.model(run.folder))};
      run.hash = sha256_hex(join(run.key, "\n"));
      continue;
    }
    run.key = key_of(plan, run, contents);
    run.hash = sha256_hex(join(run.key, "\n"));
    run.folder = output / "cells" / concat(run.training->program(), '-', run.hash.substr(0, 12));
    distill::DistillConfig& config = run.training->config();
    if (run.student) config.model.student = plan.runs[*run.student].model().string();
    if (config.cache.dir.empty()) config.cache.dir = (output / "teacher_cache").string();
  }
}

predict::PredictorConfig predictor_of(const Plan& plan, const Run& run) {
  predict::PredictorConfig config = plan.config.predictor;
  config.steps = plan.config.rows[run.row].steps;
  config.seed = run.seed;
  return config;
}

fs::path score_file(const Plan& plan, const Run& run, std::size_t evaluation,
                    const fs::path& output) {
  const auto dtype = tensor::parse_dtype(plan.config.dtype);
  std::string key =
      concat("model=", run.hash, "\ndtype=", pipeline::dtype_key(dtype, torch::kFloat32));
  for (const auto& [name, value] : config::to_leaves(predictor_of(plan, run)))
    key += concat('\n', name, '=', value);
  const eval::Protocol& protocol = plan.protocols[evaluation];
  key += concat("\nprotocol=", protocol.name, ' ', eval::fingerprint(protocol),
                "\ndata=", plan.config.evaluate[evaluation].data);
  return output / "scores" / concat(sha256_hex(key), ".json");
}

}  // namespace vdd::sweep
