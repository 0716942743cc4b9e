// SPDX-License-Identifier: Apache-2.0
#include "vdd/data/dataset.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "clip_job.h"
#include "dataset_state.h"
#include "source.h"
#include "vdd/core/error.h"
#include "vdd/core/files.h"
#include "vdd/core/hash.h"
#include "vdd/core/log.h"
#include "vdd/core/random.h"
#include "vdd/core/text.h"
#include "vdd/io/hdf5.h"
#include "vdd/io/image.h"

namespace vdd::data {
namespace {

namespace fs = std::filesystem;

/// Version of what a plan gives: changes when the same plan would give other pixels.
constexpr std::string_view kContentVersion = "vdd clip 2";

/// Lists the sources that the root of one names: a pattern may name several, which share the
/// weight.
std::vector<SourceConfig> expand(const SourceConfig& source) {
  const auto folders = match_folders(source.root);
  std::vector<SourceConfig> sources(folders.size(), source);
  for (std::size_t i = 0; i < folders.size(); ++i) {
    sources[i].root = folders[i];
    sources[i].weight /= static_cast<double>(folders.size());
  }
  return sources;
}

std::string name_of(const ClipPlan& plan, const Run& run) {
  return concat(run.name, '#', padded(plan.first, 5), '+', plan.frames, 'x', plan.stride,
                plan.reversed ? "r" : "", plan.flipped ? "f" : "");
}

struct Ending {
  std::uint64_t bytes = 0;  ///< size of the whole file
  std::string text;
};

/// Reads the end of a file, where pictures of one size differ even if as many bytes hold them;
/// nothing if it cannot be read, which whoever decodes it will report.
Ending ending_of(const fs::path& path) try {
  constexpr std::uint64_t kMost = 4096;
  const RegularFile file(path);
  std::string text(std::min(file.size(), kMost), '\0');
  text.resize(file.read_at(file.size() - text.size(), text.data(), text.size()));
  return {file.size(), text};
} catch (const DataError&) {
  return {};
}

std::string key_of(const ClipPlan& plan, const Source& source, const Run& run,
                   const DataConfig& config, std::string_view rgb) {
  Sha256 hash;
  hash.update(concat(kContentVersion, '\n', plan.source_id, '\n', config.height, 'x', config.width,
                     ' ', to_name(config.fit), ' ', shortest(plan.crop_x), ' ',
                     shortest(plan.crop_y), ' ', rgb, '\n'));
  for (std::int64_t i = 0; i < plan.frames; ++i) {
    const std::int64_t number = frame_number(plan, i);
    for (const auto& file : files_of(source, run, number, config.rgb_only)) {
      const Ending end = ending_of(file);
      hash.update(
          concat(file.lexically_relative(source.root()).generic_string(), ' ', end.bytes, '\n'));
      hash.update(end.text);
    }
  }
  return hash.hex();
}

}  // namespace

std::vector<std::string> DataConfig::check() const {
  std::vector<std::string> wrong;
  if (frames_min > frames) wrong.push_back("frames_min: must be at most frames");
  if (stride_max < stride_min) wrong.push_back("stride_max: must be at least stride_min");
  if (!root.empty() && !sources.empty()) wrong.push_back("root: give either root or sources");
  return wrong;
}

ClipDataset::State::State(DataConfig given, Split part) : config(std::move(given)), split(part) {
  if (split == Split::kValidation) {
    config.flip = config.reverse = 0;
    config.clips = 0;
    config.stride_max = config.stride_min;
    config.crop = CropPlace::kCenter;
  }
}

void ClipDataset::State::add(const SourceConfig& chosen, bool required) {
  Mixed mixed{.config = chosen,
              .source = open_source(chosen, config, split),
              .groups = {},
              .weight = chosen.weight};
  const auto& runs = mixed.source->runs();
  const std::int64_t limit =
      chosen.stride_max.value_or(chosen.kind == SourceKind::kHypersim ? 1 : config.stride_max);
  mixed.stride_max =
      std::max(config.stride_min, split == Split::kValidation ? config.stride_min : limit);
  const std::int64_t span = (config.least_frames() - 1) * config.stride_min + 1;
  std::map<std::string, std::vector<std::size_t>> by_group;
  for (std::size_t i = 0; i < runs.size(); ++i) by_group[runs[i].group].push_back(i);
  for (auto& [name, members] : by_group) {
    Mixed::Group group{.runs = std::move(members), .starts = {}};
    std::int64_t total = 0;
    for (const auto run : group.runs) group.starts.push_back(total += runs[run].length - span + 1);
    mixed.groups.push_back(std::move(group));
  }
  if (runs.empty() && required) {
    const std::string& left_out = mixed.source->left_out();
    const std::string none = concat("no sequence of ", span, " frames in a row "),
                      what = concat(to_name(chosen.kind),
                                    left_out.empty() ? "" : "; left out: ", left_out);
    if (lacks_depth(chosen)) throw DataError(chosen.root, concat(none, "has depth (", what, ")"));
    throw DataError(chosen.root,
                    concat(none, "is left to train on (", what,
                           "; data.frames, data.frames_min, data.holdout (",
                           join(config.holdout, ", "), "), include and exclude decide)"));
  }
  if (!runs.empty()) sources.push_back(std::move(mixed));
}

bool ClipDataset::State::lacks_depth(const SourceConfig& chosen) const {
  if (config.rgb_only) return false;
  DataConfig rgb = config;
  rgb.rgb_only = true;
  return !open_source(chosen, rgb, split)->runs().empty();
}

ClipDataset::ClipDataset(DataConfig config, Split split)
    : state_(std::make_unique<State>(std::move(config), split)) {
  auto& state = *state_;
  const auto complaints = state.config.check();
  if (!complaints.empty()) throw ConfigError(concat("data.", complaints.front()));
  if (state.config.root.empty() && state.config.sources.empty()) {
    throw ConfigError("data.root: not set; give data.root=FOLDER or data.sources");
  }
  const bool found = !state.config.root.empty();
  const auto chosen = found ? find_sources(state.config.root) : state.config.sources;
  // What data.root finds may be validation material only, as long as something remains.
  for (const auto& source : chosen) {
    const bool required = split == Split::kTrain && (!found || chosen.size() == 1);
    const auto before = state.sources.size();
    const auto folders = expand(source);
    for (std::size_t i = 0; i < folders.size(); ++i) {
      const bool last_chance = i + 1 == folders.size() && state.sources.size() == before;
      state.add(folders[i], required && last_chance);
    }
  }
  if (split == Split::kTrain && state.sources.empty()) {
    const bool lack_depth =
        std::ranges::any_of(chosen, [&](const auto& source) { return state.lacks_depth(source); });
    throw DataError(state.config.root,
                    concat("no clip of ", state.config.least_frames(), " frames ",
                           lack_depth ? "has depth"
                                      : "is left to train on; see data.frames, data.frames_min "
                                        "and data.holdout"));
  }
  for (const auto& mixed : state.sources) state.total_weight += mixed.weight;
}

ClipDataset::~ClipDataset() = default;

const DataConfig& ClipDataset::config() const {
  return state_->config;
}
bool ClipDataset::empty() const {
  return state_->sources.empty();
}

std::vector<std::string> ClipDataset::summary() const {
  std::vector<std::string> lines;
  for (const auto& mixed : state_->sources) {
    std::set<std::string> names;
    std::int64_t frames = 0;
    for (const auto& run : mixed.source->runs()) {
      names.insert(run.name);
      frames += run.length;
    }
    const std::string& left_out = mixed.source->left_out();
    lines.push_back(concat(to_name(mixed.config.kind), " in ", escape(mixed.config.root), ": ",
                           names.size(), " sequences, ", frames, " frames",
                           left_out.empty() ? "" : concat("; left out: ", left_out)));
  }
  return lines;
}

const Fingerprint& ClipDataset::fingerprint() const {
  std::call_once(state_->fingerprint_once, [this] {
    std::vector<const Source*> sources;
    for (const auto& mixed : state_->sources) sources.push_back(mixed.source.get());
    state_->fingerprint = fingerprint_of(sources, state_->config.rgb_only);
  });
  return state_->fingerprint;
}

ClipPlan ClipDataset::plan(std::uint64_t seed, std::int64_t n, std::int64_t attempt) const {
  const auto& state = *state_;
  const auto& config = state.config;
  if (state.sources.empty()) throw DataError(config.root, "the data set holds no clip");
  ClipPlan plan{.sample = config.clips > 0 ? n % config.clips : n,
                .attempt = attempt,
                .source_id = {},
                .content_key = {}};
  const auto draws = [&](const std::string& use) {
    return Random(derive_seed(seed, plan.sample, attempt == 0 ? use : concat(use, '/', attempt)));
  };
  Random random = draws("clip");

  double place = random.uniform() * state.total_weight;
  while (plan.source + 1 < state.sources.size() && place >= state.sources[plan.source].weight) {
    place -= state.sources[plan.source++].weight;
  }
  const auto& mixed = state.sources[plan.source];
  const auto& group =
      mixed.groups[static_cast<std::size_t>(random.below(std::ssize(mixed.groups)))];
  const auto start = random.below(group.starts.back());
  const auto member =
      std::upper_bound(group.starts.begin(), group.starts.end(), start) - group.starts.begin();
  plan.run = group.runs[static_cast<std::size_t>(member)];
  const Run& run = mixed.source->runs()[plan.run];

  // A generator of its own: no other draw depends on whether lengths are drawn.
  const std::int64_t least = config.least_frames();
  plan.frames = std::min(config.frames, (run.length - 1) / config.stride_min + 1);
  if (least < plan.frames && state.split != Split::kValidation)
    plan.frames = least + draws("length").below(plan.frames - least + 1);
  const std::int64_t steps = plan.frames - 1;
  const std::int64_t largest =
      steps == 0 ? config.stride_min : std::min(mixed.stride_max, (run.length - 1) / steps);
  plan.stride = config.stride_min + random.below(largest - config.stride_min + 1);
  plan.first = run.first + random.below(run.length - steps * plan.stride);
  plan.reversed = random.coin(config.reverse);
  plan.flipped = random.coin(config.flip);
  const double x = random.uniform(), y = random.uniform();
  if (config.crop == CropPlace::kRandom) plan.crop_x = x, plan.crop_y = y;

  plan.source_id = name_of(plan, run);
  const bool hypersim = mixed.config.kind == SourceKind::kHypersim;
  plan.content_key =
      key_of(plan, *mixed.source, run, config, hypersim ? to_name(mixed.config.rgb) : "");
  return plan;
}

std::vector<ClipPlan> ClipDataset::all_frames() const {
  std::vector<ClipPlan> plans;
  for (std::size_t source = 0; source < state_->sources.size(); ++source) {
    const auto& runs = state_->sources[source].source->runs();
    for (std::size_t run = 0; run < runs.size(); ++run) {
      for (std::int64_t i = 0; i < runs[run].length; ++i) {
        ClipPlan plan;
        plan.source = source, plan.run = run, plan.first = runs[run].first + i, plan.frames = 1;
        plan.source_id = name_of(plan, runs[run]);
        plans.push_back(std::move(plan));
      }
    }
  }
  return plans;
}

std::pair<std::int64_t, std::int64_t> ClipDataset::stored_size(const ClipPlan& plan) const {
  const Source& source = *state_->sources[plan.source].source;
  const fs::path file = source.rgb_files(source.runs()[plan.run], plan.first).front();
  if (file.extension() == ".hdf5") {
    const auto shape = io::hdf5_shape(file);
    if (shape.size() != 3) throw DataError(file, "holds no picture");
    return {shape[0], shape[1]};
  }
  const io::Image8 picture = io::read_rgb(file);
  return {picture.height, picture.width};
}

ClipRecipe ClipDataset::State::recipe(std::function<ClipPlan(std::int64_t)> plan,
                                      bool skip_bad) const {
  return {
      .plan = std::move(plan),
      .wants_pixels = nullptr,
      .source = [this](const ClipPlan& p) -> const Source& { return *sources[p.source].source; },
      .config = &config,
      .skip_bad = skip_bad};
}

Clip ClipDataset::State::accept(ClipResult result) {
  for (const auto& bad_sample : result.bad) {
    const std::lock_guard lock(bad_mutex);
    if (!bad.insert(bad_sample.reason).second) continue;
    if (std::ssize(bad) > config.max_bad_samples) {
      throw Error(concat(bad_sample.reason, "; more unusable samples than data.max_bad_samples = ",
                         config.max_bad_samples),
                  ExitCode::kData);
    }
    log::warning("data", concat("skipped ", bad_sample.source_id, ": ", bad_sample.reason));
  }
  return std::move(result.clip);
}

Clip ClipDataset::load(const ClipPlan& plan) const {
  ThreadPool here(0);
  const auto job = std::make_shared<ClipJob>(
      state_->recipe([&](std::int64_t) { return plan; }, false), here, state_->memory);
  return job->start().get().clip;
}

Clip ClipDataset::load(std::uint64_t seed, std::int64_t n) {
  ThreadPool here(0);
  const auto draw = [&](std::int64_t attempt) { return plan(seed, n, attempt); };
  const bool skip = state_->config.on_bad_sample == OnBadSample::kSkip;
  const auto job = std::make_shared<ClipJob>(state_->recipe(draw, skip), here, state_->memory);
  return state_->accept(job->start().get());
}

}  // namespace vdd::data
