// SPDX-License-Identifier: Apache-2.0
#include "vdd/train/trainer.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "vdd/config/reader.h"
#include "vdd/config/writer.h"
#include "vdd/core/files.h"
#include "vdd/core/folders.h"
#include "vdd/core/log.h"
#include "vdd/core/stop.h"
#include "vdd/core/system.h"
#include "vdd/core/text.h"
#include "vdd/io/safetensors.h"
#include "vdd/report/page.h"
#include "vdd/tensor/state_dict.h"

namespace vdd::train {
namespace fs = std::filesystem;
namespace {

class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

std::string sample_list(const std::vector<std::int64_t>& numbers,
                        const std::vector<std::string>& sources) {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    texts.push_back(concat(numbers[i], " (", sources[i], ")"));
  }
  return join(texts, ", ");
}

}  // namespace

/// The samples of one update.
struct Trainer::Window {
  std::int64_t size = 0;
  std::vector<std::int64_t> numbers = {}, noise_seeds = {};
  std::vector<std::string> sources = {}, cache_keys = {};
  double loss = 0;  ///< sums; means after finish()
  std::vector<std::pair<std::string, double>> parts = {};
  double data_wait_s = 0;
  std::int64_t bad_samples = 0;
  Stopwatch watch = {};

  void start(const data::Clip& clip, std::int64_t n, double wait_s) {
    numbers.push_back(n);
    sources.push_back(clip.source_id);
    bad_samples += clip.bad_samples;
    data_wait_s += wait_s;
  }
  void add(const SampleLoss& sample) {
    noise_seeds.push_back(sample.noise_seed);
    if (!sample.cache_key.empty()) cache_keys.push_back(sample.cache_key);
    loss += sample.loss.total.item<double>();
    if (parts.empty()) {
      for (const auto& [name, value] : sample.loss.parts) parts.emplace_back(name, 0);
    }
    for (std::size_t i = 0; i < parts.size(); ++i) {
      parts[i].second += sample.loss.parts[i].second.item<double>();
    }
  }
  void finish() {
    loss /= static_cast<double>(size);
    for (auto& [name, value] : parts) value /= static_cast<double>(size);
  }
};

Trainer::Trainer(Task& task, std::shared_ptr<data::ClipDataset> dataset,
                 const TrainingConfig& config, run::RunDir& run)
    : task_(task),
      dataset_(std::move(dataset)),
      config_(config),
      run_(run),
      passes_(config.train.parallel > 1 ? static_cast<int>(config.train.parallel) : 0),
      optimizer_(task.groups(), config.optimizer, passes_.size()),
      scaler_(config.precision),
      accumulation_(optimizer_, scaler_, config.optimizer.clip_norm),
      checkpoints_(run, config.train.keep) {
  if (config.ema.enabled) ema_.emplace(optimizer_.parameters(), config.ema);
  require_disk_space();
  dataset_->fingerprint();  // as it is before the first sample
}

/// The size of a checkpoint, but for the model's config files.
std::int64_t Trainer::checkpoint_bytes() const {
  constexpr std::int64_t kNamesAndNumbers = 1 << 20;
  std::int64_t bytes = kNamesAndNumbers + tensor::total_bytes(optimizer_.state());
  for (const auto& parameter : task_.selection().parameters) {
    bytes += static_cast<std::int64_t>(parameter.tensor.nbytes());
  }
  return bytes + (ema_ ? tensor::total_bytes(ema_->state()) : 0);
}

std::int64_t Trainer::checkpoint_bytes_ahead() const {
  const TrainConfig& train = config_.train;
  const auto found = run::list_checkpoints(checkpoints_.folder());
  std::int64_t updates = train.max_steps;
  if (train.max_samples > 0) {
    updates = std::min(updates, (train.max_samples + train.accumulation - 1) / train.accumulation);
  }
  updates -= found.empty() ? 0 : found.back().step;
  if (updates <= 0) return 0;
  std::int64_t saves = updates / train.checkpoint_every + 1;
  if (config_.validation.every > 0) saves += updates / config_.validation.every;
  // At most: those that are kept, the best, and a new one before an old one goes.
  const std::int64_t most = train.keep + 2 - std::ssize(found);
  return checkpoint_bytes() * std::max<std::int64_t>(1, std::min({saves, updates, most}));
}

/// Before any time is spent.
void Trainer::require_disk_space() const {
  const std::int64_t free = free_disk_bytes(checkpoints_.folder());
  const std::int64_t wanted = checkpoint_bytes_ahead();
  if (free >= wanted) return;
  throw ResourceError(concat(shown(checkpoints_.folder()), ": ", mebibytes(free),
                             " are free, the checkpoints take ", mebibytes(wanted), ", ",
                             mebibytes(checkpoint_bytes()), " each; see train.keep"));
}

void Trainer::resume() {
  if (checkpoints_.empty()) {
    log::warning("train", "no checkpoint yet: the run starts from its first step");
    return;
  }
  const run::Checkpoint checkpoint = checkpoints_.newest_valid();
  const fs::path folder = checkpoint.path / "trainer";
  auto state = config::load_json<TrainerState>(folder / "state.json");
  require_same_weights(state, task_.input_weights(), checkpoint.path);
  require_same_data(state, dataset_->fingerprint(), config_.train.allow_data_change,
                    checkpoint.path);

  task_.load_model(checkpoint.path);
  optimizer_.load_state(io::SafetensorsFile(folder / "optimizer.safetensors"),
                        state.optimizer_updates);
  if (ema_) {  // the model folder holds the averages, see save()
    ema_->load_state(io::SafetensorsFile(folder / "weights.safetensors"), state.ema_updates);
    ema_->swap();
  }
  scaler_.load_state({.scale = state.loss_scale, .good_updates = state.good_updates});
  state_ = std::move(state);
  saved_step_ = state_.step;
  // A kill may have come between the checkpoint and its link.
  checkpoints_.mark_best(state_.best_score ? state_.best_step : state_.step);
  log::info("train", concat("going on from ", checkpoint.path.string()));
}

ExitCode Trainer::run() {
  const TrainConfig& train = config_.train;
  metrics_ = std::make_unique<run::MetricsLog>(run_.root(), state_.step > 0 ? state_.step : -1,
                                               state_.log_lines);
  events_ =
      std::make_unique<run::EventWriter>(run_.tensorboard(), state_.step > 0 ? state_.step : -1);
  loader_ = std::make_unique<data::Loader>(
      dataset_, static_cast<std::uint64_t>(train.seed), state_.samples,
      static_cast<int>(dataset_->config().workers), static_cast<int>(dataset_->config().prefetch),
      [this](const data::ClipPlan& plan) { return task_.wants_pixels(plan); });
  try {
    run_updates();
  } catch (...) {
    rescue();
    throw;
  }
  loader_.reset();

  const bool finished = (state_.step >= train.max_steps || window_size() == 0) && !validation_due();
  if (state_.step > 0 && saved_step_ != state_.step) save(/*final=*/true);
  metrics_->sync();
  report();
  if (finished) {
    log::info("train", concat("done: ", state_.step, " updates, ", state_.samples, " samples"));
    return ExitCode::kDone;
  }
  const StopReason reason = stop_requested();
  log::info("train", concat("stopped by ", describe(reason), " after update ", state_.step,
                            "; --resume goes on from there"));
  return exit_code(reason);
}

void Trainer::run_updates() {
  const TrainConfig& train = config_.train;
  if (validation_due()) validate();
  progress_ = std::make_unique<Progress>(
      "train", Progress::Options{.total = train.max_steps, .first = state_.step});
  while (state_.step < train.max_steps && window_size() > 0) {
    Window window{.size = window_size()};
    try {
      if (!collect(window)) break;
      update(window);
    } catch (const NonFiniteError& e) {
      drop(window, e);
    }
    const bool stopping = stop_requested() != StopReason::kNone;
    if (validation_due() && !stopping) validate();
    if (state_.step % train.checkpoint_every == 0 || state_.best_step == state_.step)
      save(/*final=*/false);
  }
  progress_->finish();
}

/// An error ends the run: keeps its last finished update. Throws nothing, as it is that error which
/// decides how the program ends.
void Trainer::rescue() {
  try {
    accumulation_.discard();
    loader_.reset();
    if (optimizer_.updates() != state_.optimizer_updates) {
      log::warning("train", concat("an error ended the run inside update ", state_.step + 1,
                                   ": its weights are not saved; --resume goes on from update ",
                                   std::max<std::int64_t>(saved_step_, 0)));
      return;
    }
    if (state_.step == 0) return;
    if (saved_step_ != state_.step) save(/*final=*/true);
    report();
    log::info("train", concat("an error ended the run after update ", state_.step,
                              ", which is saved; --resume goes on from there"));
  } catch (const std::exception& e) {
    const std::string_view what = e.what();
    log::warning("train", concat("an error ended the run after update ", state_.step,
                                 ", which could not be saved: ", what.substr(0, what.find('\n'))));
  } catch (...) {
    log::warning("train", concat("update ", state_.step, " could not be saved"));
  }
}

std::int64_t Trainer::window_size() const {
  const TrainConfig& train = config_.train;
  if (train.max_samples == 0) return train.accumulation;
  return std::min(train.accumulation, train.max_samples - state_.samples);
}

/// Samples of a window that go through the model together.
struct Trainer::Pass {
  std::vector<SampleLoss> samples;
  torch::Tensor loss = {};                    ///< their mean
  std::vector<torch::Tensor> gradients = {};  ///< of it, if passes run side by side
};

Trainer::Pass Trainer::run_pass(const std::vector<data::Clip>& clips, std::int64_t first) {
  at::init_num_threads();  // a thread of the pool may be new
  Pass pass{.samples = task_.steps(clips, first)};
  std::vector<torch::Tensor> losses;
  for (const SampleLoss& sample : pass.samples) losses.push_back(sample.loss.total);
  pass.loss = at::stack(losses).mean();
  if (passes_.size() > 0) pass.gradients = accumulation_.gradients(pass.loss, std::ssize(clips));
  return pass;
}

/// Backward passes of one window; false if a stop came in between.
bool Trainer::collect(Window& window) {
  while (static_cast<std::int64_t>(window.numbers.size()) < window.size) {
    if (stop_requested() != StopReason::kNone) {
      accumulation_.discard();
      return false;
    }
    std::vector<std::future<Pass>> passes;
    const auto wait_for_all = [&] {
      for (auto& future : passes) future.wait();
    };
    try {
      do {
        const std::int64_t first = state_.samples + std::ssize(window.numbers);
        const std::int64_t count =
            std::min(task_.batch(), window.size - std::ssize(window.numbers));
        std::vector<data::Clip> clips;
        for (std::int64_t n = first; n < first + count; ++n) {
          clips.push_back(loader_->next());
          window.start(clips.back(), n, loader_->last_wait_seconds());
        }
        passes.push_back(passes_.submit(
            [this, first, clips = std::move(clips)] { return run_pass(clips, first); }));
      } while (std::ssize(passes) < passes_.size() && std::ssize(window.numbers) < window.size);
    } catch (...) {
      wait_for_all();  // they use the weights
      throw;
    }
    wait_for_all();  // before any of them throws
    for (auto& future : passes) {
      const Pass pass = future.get();
      for (const SampleLoss& sample : pass.samples) window.add(sample);
      const std::int64_t count = std::ssize(pass.samples);
      if (pass.gradients.empty()) {
        accumulation_.add(pass.loss, count);
      } else {
        accumulation_.add(pass.gradients, count);
      }
    }
  }
  return true;
}

void Trainer::update(Window& window) {
  const optim::UpdateReport report = accumulation_.update(
      optim::lr_factor(config_.lr_schedule, state_.step + 1, config_.train.max_steps));
  if (ema_ && !report.skipped) ema_->update();
  state_.dropped = 0;
  ++state_.step;
  state_.samples += window.size;
  state_.optimizer_updates = optimizer_.updates();
  window.finish();
  log_update(window, report);
}

/// Leaves a window out whose loss or gradient is not finite, if that may happen.
void Trainer::drop(Window& window, const NonFiniteError& cause) {
  accumulation_.discard();
  const std::string message = concat("update ", state_.step + 1, ": ", cause.what(), "; samples ",
                                     sample_list(window.numbers, window.sources));
  if (state_.dropped >= config_.train.max_nonfinite) throw NonFiniteError(message);
  log::warning("train", concat(message, "; dropped"));
  while (static_cast<std::int64_t>(window.numbers.size()) < window.size) {
    const data::Clip clip = loader_->next();
    window.start(clip, state_.samples + static_cast<std::int64_t>(window.numbers.size()), 0);
  }
  ++state_.dropped;
  ++state_.step;
  state_.samples += window.size;
  metrics_->write(state_.step, run::Record().add("dropped", true).add("samples", window.numbers));
}

void Trainer::log_update(const Window& window, const optim::UpdateReport& report) {
  const double factor = optim::lr_factor(config_.lr_schedule, state_.step, config_.train.max_steps);
  run::Record record;
  record.add("loss", window.loss);
  for (const auto& [name, value] : window.parts) record.add(name, value);
  for (const optim::ParameterGroup& group : optimizer_.groups()) {
    record.add(optimizer_.groups().size() == 1 ? "lr" : "lr_" + group.name, factor * group.lr);
  }
  record.add("grad_norm", report.grad_norm);
  if (scaler_.enabled()) record.add("loss_scale", report.loss_scale).add("skipped", report.skipped);

  std::vector<run::EventWriter::Scalar> scalars;
  for (const auto& [name, value] : record.values()) {
    if (const auto* number = std::get_if<double>(&value)) {
      scalars.emplace_back("train/" + name, *number);
    }
  }
  events_->scalars(state_.step, scalars);

  record.add("samples", window.numbers).add("sources", window.sources);
  record.add("noise_seeds", window.noise_seeds);
  if (!window.cache_keys.empty()) record.add("cache_keys", window.cache_keys);
  if (window.bad_samples > 0) record.add("bad_samples", window.bad_samples);
  metrics_->write(state_.step, record);

  run::Record timing;
  timing.add("seconds", window.watch.seconds()).add("data_wait", window.data_wait_s);
  timing.add("memory", memory_bytes()).add("peak_memory", peak_memory_bytes());
  metrics_->write_timing(state_.step, timing);
  if (progress_) progress_->update(state_.step, concat("loss ", window.loss));
}

bool Trainer::validation_due() const {
  if (config_.validation.every == 0 || state_.validated_step == state_.step) return false;
  if (state_.step == 0) return config_.validation.at_start;
  return state_.step % config_.validation.every == 0;
}

void Trainer::validate() {
  const Stopwatch watch;
  ValidationResult result;
  {
    const optim::EmaWeights averaged(ema_ ? &*ema_ : nullptr);
    const torch::NoGradGuard no_grad;
    result = task_.validate(state_.step, run_);
  }
  if (!result.complete) return;  // the resumed run does it
  state_.validated_step = state_.step;
  metrics_->write(state_.step, result.metrics);
  metrics_->write_timing(state_.step, run::Record().add("validation_seconds", watch.seconds()));

  std::vector<run::EventWriter::Scalar> scalars;
  std::vector<std::string> texts;
  for (const auto& [name, value] : result.metrics.values()) {
    if (const auto* number = std::get_if<double>(&value)) {
      scalars.emplace_back(name, *number);
      texts.push_back(concat(name, " ", *number));
    }
  }
  events_->scalars(state_.step, scalars);
  optionally("the pictures of a validation", [&] {
    for (const auto& [tag, png] : result.pictures) {
      events_->image(state_.step, tag, read_file(png, 1 << 26));
    }
    if (!result.picture_problem.empty()) throw ResourceError(result.picture_problem);
  });
  log::info("valid", concat("update ", state_.step, ": ", join(texts, ", ")));
  if (!std::isfinite(result.score)) {
    log::error("valid", concat("update ", state_.step, ": the score is not finite"));
  } else if (state_.step > 0 && (!state_.best_score || result.score < *state_.best_score)) {
    state_.best_score = result.score;
    state_.best_step = state_.step;
    if (saved_step_ == state_.step) checkpoints_.mark_best(state_.step);
  }
  report();
}

/// The model folder holds what one would use: the averaged weights, if there are any. The raw ones
/// are then in trainer/weights.safetensors.
void Trainer::save(bool final) {
  state_.ema_updates = ema_ ? ema_->updates() : 0;
  state_.good_updates = scaler_.state().good_updates;
  state_.loss_scale = scaler_.state().scale;
  state_.log_lines = metrics_->lines();
  state_.inputs = {{kDataSet, dataset_->fingerprint().text()}};
  for (const InputWeights& weights : task_.input_weights())
    state_.inputs.push_back({weights.name, weights.hash});
  const auto fill = [&](const fs::path& staged) {
    metrics_->sync();  // the lines that the checkpoint counts
    const optim::EmaWeights averaged(ema_ ? &*ema_ : nullptr);
    task_.save_model(staged, state_.step);
    const fs::path folder = staged / "trainer";
    make_folders(folder);
    io::save_safetensors(folder / "optimizer.safetensors", optimizer_.state());
    if (ema_) io::save_safetensors(folder / "weights.safetensors", ema_->state());
    write_file_atomic(folder / "state.json", config::to_json(state_));
  };
  const bool best = !state_.best_score ||
                    state_.best_step == state_.step;  // the newest, as long as none has a score
  const run::CheckpointStore::SaveOptions options{
      .bytes = checkpoint_bytes(), .best = best, .final = final};
  if (checkpoints_.save(state_.step, fill, options)) saved_step_ = state_.step;
}

/// Writes something for people to look at. That it cannot be written never stops a training, and is
/// said once.
void Trainer::optionally(const std::string& what, const std::function<void()>& write) {
  try {
    write();
  } catch (const std::exception& e) {
    if (failed_.insert(what).second) {
      log::warning("train",
                   concat(what, ": not written: ", e.what(), " (said once; training goes on)"));
    }
  }
}

void Trainer::report() {
  optionally("report.html", [this] { report::write_report(run_.root()); });
}

}  // namespace vdd::train
