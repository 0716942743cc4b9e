// SPDX-License-Identifier: Apache-2.0
#include "vdd/scenes/sample_data.h"

#include <algorithm>
#include <cmath>
#include <future>

#include "vdd/core/error.h"
#include "vdd/core/files.h"
#include "vdd/core/progress.h"
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

/// Only a folder that sample data wrote, or an empty one, is ever replaced.
void check_target(const fs::path& folder, bool overwrite) {
  std::error_code error;
  if (!fs::exists(fs::symlink_status(folder, error))) return;
  const std::string name = escape(folder.native());
  if (!fs::is_directory(folder)) throw ConfigError(concat(name, ": exists and is no folder"));
  bool empty = true, ours = true;
  for (const auto& entry : fs::directory_iterator(folder)) {
    empty = false;
    ours = ours && (entry.path().filename() == "vkitti2" || entry.path().filename() == "hypersim");
  }
  if (empty) return;
  if (!overwrite)
    throw ConfigError(concat(name, ": exists and is not empty; use --overwrite to replace it"));
  if (!ours)
    throw ConfigError(concat(name, ": holds other files than sample data, so it is not replaced"));
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
  check_target(folder, config.overwrite);

  StagedFolder staged(folder, StagedFolder::Existing::kReplace);
  const std::int64_t outdoor = (config.sequences + 1) / 2;
  std::vector<Job> jobs = plan_virtual_kitti(staged.path() / "vkitti2", outdoor, config);
  const std::vector<Job> indoor =
      plan_hypersim(staged.path() / "hypersim", config.sequences - outdoor, config);
  jobs.insert(jobs.end(), indoor.begin(), indoor.end());
  run(jobs, config.threads > 0 ? static_cast<int>(config.threads) : available_cpus());
  staged.commit();
}

}  // namespace vdd::scenes
