// SPDX-License-Identifier: Apache-2.0
#include "vdd/scenes/sample_data.h"

#include <algorithm>
#include <cmath>
#include <future>

#include "vdd/core/error.h"
#include "vdd/core/files.h"
#include "vdd/core/folders.h"
#include "vdd/core/progress.h"
#include "vdd/core/staged_folder.h"
#include "vdd/core/stop.h"
#include "vdd/core/system.h"
#include "vdd/core/text.h"
#include "vdd/core/thread_pool.h"
#include "writers.h"

namespace vdd::scenes {
namespace {

namespace fs = std::filesystem;

void check(std::string_view what, std::int64_t value, std::int64_t low, std::int64_t high) {
  if (value < low || value > high)
    throw ConfigError(concat(what, ": must be ", low, " to ", high, ", is ", value));
}

constexpr const char* kMarker = "sample_data.json";

/// Says what was rendered, and that this program wrote the folder.
std::string marker_text(const SampleDataConfig& config) {
  return concat("{\"version\": \"", version(), "\", \"seed\": ", config.seed,
                ", \"sequences\": ", config.sequences, ", \"frames\": ", config.frames,
                ", \"height\": ", config.height, ", \"width\": ", config.width,
                ", \"all_train\": ", config.all_train ? "true" : "false", "}\n");
}

/// An empty folder is filled; one that this program wrote is replaced if that is asked for.
Replaceable replaceable(const fs::path& folder, bool overwrite) {
  if (overwrite) return {.marker = kMarker, .names = {"vkitti2", "hypersim"}, .inputs = {}};
  finish_replacement(folder);
  if (is_folder(folder) && !list_names(folder).empty()) {
    throw ConfigError(concat(escape(folder.native()),
                             ": exists and is not empty; use --overwrite to replace it"));
  }
  return {};
}

void run(const std::vector<Job>& jobs, int threads) {
  ThreadPool pool(threads, jobs.size());
  std::vector<std::future<void>> done;
  for (const Job& job : jobs) {
    done.push_back(pool.submit([&job] {
      if (const StopReason reason = stop_requested(); reason != StopReason::kNone) {
        throw Error(concat("stopped by ", describe(reason), "; nothing was kept"),
                    reason == StopReason::kInterrupt ? ExitCode::kInterrupted : ExitCode::kFailed);
      }
      job();
    }));
  }
  Progress progress("render", {.total = static_cast<std::int64_t>(jobs.size())});
  for (std::size_t i = 0; i < done.size(); ++i) {
    done[i].get();
    progress.update(static_cast<std::int64_t>(i) + 1);
  }
  progress.finish();
}

}  // namespace

std::uint8_t tone(double radiance, double scale) {
  const double value = std::pow(std::max(radiance * scale, 0.0), 1 / 2.2);
  return static_cast<std::uint8_t>(std::lround(255 * std::min(value, 1.0)));
}

void write_sample_data(const fs::path& folder, const SampleDataConfig& config) {
  check("sequences", config.sequences, 1, 200);
  check("frames", config.frames, 1, 10000);
  check("height", config.height, 16, 4096);
  check("width", config.width, 16, 4096);
  check("threads", config.threads, 0, 1024);

  StagedFolder staged(folder, replaceable(folder, config.overwrite));
  const std::int64_t outdoor = (config.sequences + 1) / 2;
  std::vector<Job> jobs = plan_virtual_kitti(staged.path() / "vkitti2", outdoor, config);
  const std::vector<Job> indoor =
      plan_hypersim(staged.path() / "hypersim", config.sequences - outdoor, config);
  jobs.insert(jobs.end(), indoor.begin(), indoor.end());
  run(jobs, config.threads > 0 ? static_cast<int>(config.threads) : available_cpus());
  write_file_atomic(staged.path() / kMarker, marker_text(config));
  staged.commit();
}

}  // namespace vdd::scenes
