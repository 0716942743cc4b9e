// SPDX-License-Identifier: Apache-2.0
#include "vdd/sweep/sweep.h"

#include <algorithm>
#include <map>
#include <set>

#include "vdd/config/reader.h"
#include "vdd/config/writer.h"
#include "vdd/core/files.h"
#include "vdd/core/folders.h"
#include "vdd/core/hash.h"
#include "vdd/core/log.h"
#include "vdd/core/stop.h"
#include "vdd/core/text.h"
#include "vdd/eval/evaluate.h"
#include "vdd/eval/report.h"
#include "vdd/eval/table.h"
#include "vdd/sweep/results.h"
#include "vdd/tensor/device.h"
#include "vdd/tensor/dtype.h"
#include "vdd/train/start.h"

namespace vdd::sweep {
namespace {

namespace fs = std::filesystem;

/// cell.json: the run is finished, and what it is.
struct CellRecord {
  std::string hash = {};
  std::vector<std::string> key = {};

  constexpr void fields(auto& f) {
    f("hash", hash, "SHA-256 of the key");
    f("key", key, "name=value: all that determines the model");
  }
};

fs::path cell_file(const Run& run) {
  return run.folder / "cell.json";
}

bool finished(const Run& run) {
  return !run.training || path_exists(cell_file(run));
}

void throw_if_stopped() {
  const StopReason reason = stop_requested();
  if (reason != StopReason::kNone)
    throw Error(concat("stopped by ", describe(reason)), exit_code(reason));
}

/// Says where and in what type models are scored and timed.
pipeline::LoadTarget target_of(const Plan& plan) {
  tensor::ComputeConfig compute{.device = plan.config.device, .threads = plan.config.threads};
  const torch::Device device = tensor::configure_torch(compute);
  return {.dtype = tensor::parse_dtype(plan.config.dtype), .device = device};
}

/// Names a model: "tiny, 5 steps", "distill_unet-0123456789ab, 1 step".
std::string method_of(const Run& run, const predict::Predictor& model) {
  const fs::path folder = run.folder.has_filename() ? run.folder : run.folder.parent_path();
  const std::int64_t steps = model.config().steps;
  return concat(folder.filename().string(), ", ", steps, steps == 1 ? " step" : " steps");
}

/// Carries plans out. Each model is trained, scored and timed once, in whatever tables it stands.
class Sweeper {
 public:
  explicit Sweeper(const SweepOptions& options) : options_(options) {}

  /// Makes what is missing of a table, and writes it. Returns it as Markdown.
  std::string carry_out(const Plan& plan);
  SweepResult result() const { return result_; }

 private:
  bool active() const { return !options_.table_only && !stopped_; }
  RunResult carry_out(const Plan& plan, const Run& run);
  void train(const Plan& plan, const Run& run, const std::string& what);
  void score(const Plan& plan, const Run& run, const std::string& what);
  std::optional<bench::StageBench> take_times(const Plan& plan,
                                              const std::vector<RunResult>& results);
  /// Returns what `work` throws, or nothing; a stop is no failure.
  template <typename Work>
  std::string failure_of(const std::string& what, const Work& work);

  SweepOptions options_;
  bool stopped_ = false;
  std::map<std::string, std::string> failures_;  ///< why models failed, by hash
  SweepResult result_;
};

template <typename Work>
std::string Sweeper::failure_of(const std::string& what, const Work& work) {
  std::string failure;
  try {
    work();
  } catch (const Error& e) {
    if (e.code() == ExitCode::kResumable || e.code() == ExitCode::kInterrupted) {
      stopped_ = true;
      result_.exit = e.code();
      return "";
    }
    failure = e.what();
  } catch (const std::exception& e) {
    failure = split(e.what(), '\n').front();  // without the backtrace that LibTorch adds
  }
  if (!failure.empty()) log::error("sweep", concat(what, ": ", failure));
  return failure;
}

void Sweeper::train(const Plan& plan, const Run& run, const std::string& what) {
  if (const auto failed = failures_.find(run.hash); failed != failures_.end())
    throw Error(failed->second);
  if (finished(run)) return;
  if (run.student && !finished(plan.runs[*run.student]))
    throw Error(
        concat("its student, '", plan.config.rows[plan.runs[*run.student].row].name, "', failed"));
  const bool begun = run::is_run_dir(run.folder);
  log::info("sweep", concat(what, begun ? ": going on with " : ": training ", run.folder.string()));
  const ExitCode code = train::start(*run.training, {.output_dir = run.folder, .resume = begun});
  if (code != ExitCode::kDone) throw Error("stopped early", code);
  write_file_atomic(cell_file(run), config::to_json(CellRecord{.hash = run.hash, .key = run.key}));
}

void Sweeper::score(const Plan& plan, const Run& run, const std::string& what) {
  std::optional<predict::Predictor> model;
  for (std::size_t e = 0; e < plan.protocols.size(); ++e) {
    const fs::path file = score_file(plan, run, e, options_.output);
    // Results appear complete or not at all, so one that is there need not be made again.
    if (path_exists(file)) continue;
    throw_if_stopped();
    if (!model) {
      model.emplace(
          pipeline::LoadSpec{.model = run.model(), .target = target_of(plan), .hash = true},
          predictor_of(plan, run));
    }
    const EvaluationConfig& evaluation = plan.config.evaluate[e];
    log::info("sweep", concat(what, ": scoring on ", evaluation.name));
    const auto predictions = eval::predictions_of([&](const at::Tensor& rgb_T3HW) {
      throw_if_stopped();
      return model->predict_clip(rgb_T3HW);
    });
    eval::save_result(file, eval::evaluate(evaluation.data, plan.protocols[e], *predictions,
                                           {.method = method_of(run, *model),
                                            .method_hash = predict::model_hash(model->model()),
                                            .method_settings = predict::settings_of(*model)}));
  }
}

RunResult Sweeper::carry_out(const Plan& plan, const Run& run) {
  const RowConfig& row = plan.config.rows[run.row];
  const std::string what = concat(plan.name, ", row '", row.name, "', seed ", run.seed);
  RunResult result;
  if (active()) {
    result.error = failure_of(what, [&] { train(plan, run, what); });
    if (!result.error.empty()) failures_[run.hash] = result.error;
    log::add_file(options_.output / "sweep.log");  // training has a log of its own
  }
  if (row.hidden) return result;
  if (active() && result.error.empty())
    result.error = failure_of(what, [&] { score(plan, run, what); });
  result.scores.resize(plan.protocols.size());
  const std::string damage = failure_of(what, [&] {
    for (std::size_t e = 0; e < plan.protocols.size(); ++e) {
      const fs::path file = score_file(plan, run, e, options_.output);
      if (path_exists(file)) result.scores[e] = eval::load_result(file);
    }
  });
  if (result.error.empty()) result.error = damage;
  return result;
}

std::optional<bench::StageBench> Sweeper::take_times(const Plan& plan,
                                                     const std::vector<RunResult>& results) {
  if (plan.config.times.empty()) return std::nullopt;
  std::vector<const Run*> runs;
  std::string key = concat(config::to_yaml(plan.config.bench), plan.config.device, ' ',
                           plan.config.threads, ' ', plan.config.dtype);
  if (plan.config.dtype != "fp32") key += ",vae=fp32";  // older times are of a VAE in that type
  for (std::size_t i = 0; i < plan.config.rows.size(); ++i) {  // those of the first seed
    const RowConfig& row = plan.config.rows[i];
    if (row.hidden || !results[i].error.empty() || !finished(plan.runs[i])) continue;
    runs.push_back(&plan.runs[i]);
    key += concat('\n', row.name, ' ', plan.runs[i].hash, ' ', row.steps);
  }
  const fs::path file = options_.output / "times" / concat(sha256_hex(key), ".json");
  if (path_exists(file)) return config::load_json<bench::StageBench>(file);
  if (!active() || runs.empty()) return std::nullopt;
  std::optional<bench::StageBench> times;
  const std::string failure = failure_of(concat(plan.name, ", times"), [&] {
    std::vector<bench::NamedModel> models;
    for (const Run* run : runs) {
      throw_if_stopped();
      const RowConfig& row = plan.config.rows[run->row];
      const bool head = pipeline::find_model(run->model()).info.decoder == pipeline::Decoder::kDpt;
      models.push_back(
          {row.name, pipeline::load_depth_model({.model = run->model(), .target = target_of(plan)},
                                                {.dpt_head = head})});
      if (row.steps > 0) models.back().model.info.steps = row.steps;
    }
    log::info("sweep", concat(plan.name, ": timing ", models.size(), " models"));
    times = bench::bench_stages(models, plan.config.bench, throw_if_stopped);
    write_file_atomic(file, config::to_json(*times));
  });
  if (!failure.empty()) ++result_.failed;
  return times;
}

std::string Sweeper::carry_out(const Plan& plan) {
  std::vector<RunResult> results;
  for (const Run& run : plan.runs) {
    results.push_back(carry_out(plan, run));
    ++result_.runs;
    if (!results.back().error.empty()) ++result_.failed;
  }
  const auto times = take_times(plan, results);
  const Table table = make_table(plan, results, times);
  const auto write = [&](const char* suffix, const std::string& text) {
    write_file_atomic(options_.output / (plan.name + suffix), text);
  };
  write(".md", to_markdown(table));
  write(".tex", to_latex(table));
  write(".csv", to_csv(table));
  write(".json", config::to_json(make_record(plan, results, times, options_.output)));
  return to_markdown(table);
}

}  // namespace

std::vector<Plan> make_plans(const std::vector<fs::path>& files,
                             const std::vector<std::string>& overrides,
                             const std::vector<std::string>& set, const fs::path& output) {
  std::vector<Plan> plans;
  std::set<std::string> names;
  for (const fs::path& file : files) {
    plans.push_back(load_plan(file, overrides, set));
    if (!names.insert(plans.back().name).second)
      throw ConfigError(concat(file.string(), ": a second table of that name"));
  }
  Contents contents;
  for (Plan& plan : plans) identify(plan, output, contents);
  return plans;
}

std::string describe(const std::vector<Plan>& plans, const fs::path& output) {
  std::string text;
  std::set<std::string> to_train, to_score;
  for (const Plan& plan : plans) {
    std::vector<std::vector<std::string>> rows;
    for (const Run& run : plan.runs) {
      const RowConfig& row = plan.config.rows[run.row];
      const char* state = !run.training                 ? "is there"
                          : finished(run)               ? "trained"
                          : run::is_run_dir(run.folder) ? "begun"
                                                        : "new";
      if (!finished(run)) to_train.insert(run.hash);
      std::size_t scores = 0;
      const std::size_t wanted = row.hidden ? 0 : plan.protocols.size();
      for (std::size_t e = 0; e < wanted; ++e) {
        const fs::path file = score_file(plan, run, e, output);
        path_exists(file) ? void(++scores) : void(to_score.insert(file.string()));
      }
      rows.push_back({eval::cell(row.name, eval::Markup::kMarkdown), concat(run.seed),
                      run.folder.string(), state, concat(scores, " of ", wanted)});
    }
    text += concat(
        "# ", plan.name, ": ", plan.config.title, "\n\n",
        eval::table({"row", "seed", "model", "state", "scores"}, rows, eval::Markup::kMarkdown),
        '\n');
  }
  return text + concat(to_train.size(), " models to train, ", to_score.size(), " scores to make\n");
}

SweepResult sweep(const std::vector<Plan>& plans, const SweepOptions& options) {
  make_folders(options.output / "scores");
  make_folders(options.output / "times");
  Sweeper sweeper(options);
  std::string tables;
  for (const Plan& plan : plans)
    tables += concat(tables.empty() ? "" : "\n", sweeper.carry_out(plan));
  SweepResult result = sweeper.result();
  result.tables = tables;
  if (result.exit == ExitCode::kDone && result.failed > 0) result.exit = ExitCode::kFailed;
  return result;
}

}  // namespace vdd::sweep
