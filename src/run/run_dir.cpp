// SPDX-License-Identifier: Apache-2.0
#include "vdd/run/run_dir.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <system_error>
#include <vector>

#include "vdd/core/error.h"
#include "vdd/core/file_lock.h"
#include "vdd/core/files.h"
#include "vdd/core/folders.h"
#include "vdd/core/json.h"
#include "vdd/core/log.h"
#include "vdd/core/staged_folder.h"
#include "vdd/core/system.h"
#include "vdd/core/text.h"
#include "vdd/run/checkpoint.h"

namespace vdd::run {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::ordered_json;

struct Owned {
  const char* folder;
  std::array<const char*, 9> names;  // patterns, see fits(); null ends the list
};

/// Files that a run writes and --overwrite takes away. The teacher cache stays: its keys name its
/// content.
constexpr Owned kOwned[] = {
    {"",
     {"config.resolved.yaml", "config.resolved.#.yaml", "manifest.json", "run.log", "metrics.jsonl",
      "metrics.csv", "timing.jsonl", "report.html", "teacher"}},
    {"samples", {"step-#-*.png"}},
    {"tb", {"events.out.tfevents.#*"}},
    {"checkpoints",
     {"step-#", "latest", "best", ".trash-step-#", ".trash-step-#-#", ".damaged-step-#",
      ".damaged-step-#-#"}},
};

bool is_real_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(fs::symlink_status(path, ignored));
}

/// Tells whether there is anything but a lock.
bool has_content(const fs::path& root) {
  for (const auto& entry : fs::directory_iterator(root)) {
    if (entry.path().filename() != "run.lock") return true;
  }
  return false;
}

/// Matches as glob_match() does; # stands for digits.
bool fits(std::string_view pattern, std::string_view name) {
  std::string numberless;
  for (const char c : name) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit || !numberless.ends_with('#')) numberless += digit ? '#' : c;
  }
  return glob_match(pattern, numberless);
}

void remove_owned(const fs::path& root, const std::vector<fs::path>& inputs) {
  std::vector<fs::path> owned;
  for (const auto& [folder, names] : kOwned) {
    const fs::path place = root / folder;
    if (fs::is_symlink(fs::symlink_status(place))) {
      throw ConfigError(concat(shown(place),
                               ": is a link; --overwrite empties folders of its own "
                               "only"));
    }
    if (!is_real_folder(place)) continue;
    for (const auto& entry : fs::directory_iterator(place)) {
      const std::string name = entry.path().filename().string();
      const bool ours = std::any_of(names.begin(), names.end(), [&](const char* pattern) {
        return pattern != nullptr && fits(pattern, name);
      });
      if (ours) owned.push_back(entry.path());
    }
  }
  for (const fs::path& path : owned) require_apart(path, inputs);
  for (const fs::path& path : owned) fs::remove_all(path);
  for (const auto& [folder, names] : kOwned) {
    std::error_code not_empty;
    if (*folder != '\0') fs::remove(root / folder, not_empty);
  }
}

/// Process that run.lock names: the one that wrote it last and did not end properly.
struct Holder {
  int pid = 0;
  std::string host, started;

  bool known() const { return pid > 0; }
  bool runs_here() const {
    return known() && host == host_name() && pid != ::getpid() &&
           (::kill(pid, 0) == 0 || errno == EPERM);
  }
  std::string text() const {
    return known() ? concat("process ", pid, " on ", escape(host), ", started ", escape(started))
                   : "another process";
  }
};

Holder read_holder(const fs::path& lock) try {
  const Json owner = parse_json(read_file(lock, 4096));
  return {.pid = owner.at("pid").get<int>(),
          .host = owner.at("host").get<std::string>(),
          .started = owner.at("started").get<std::string>()};
} catch (const std::exception&) {  // not written yet, or by a program of another kind
  return {};
}

/// Opens and locks run.lock; throws if somebody else has it. The lock goes with the process,
/// however that ends. A file system without locks is said plainly, and costs what they would tell.
int take_lock(const fs::path& root) {
  const fs::path path = root / "run.lock";
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (file < 0) {
    throw ConfigError(concat(shown(root), ": cannot be written to: ", std::strerror(errno)));
  }
  try {
    const LockState state = try_lock(file);
    const int error = errno;
    const Holder holder = state == LockState::kHeld ? Holder() : read_holder(path);
    if (state == LockState::kBusy || holder.runs_here())
      throw ConfigError(concat(shown(root), ": in use by ", holder.text()));
    if (state == LockState::kUnsupported) {
      log::warning("train", concat(shown(path), ": cannot be locked (", std::strerror(error),
                                   "): nothing keeps a second run out of this folder",
                                   holder.known() ? "; the last one, " + holder.text() +
                                                        ", has not ended properly"
                                                  : ""));
    }
    const std::string text =
        Json{{"pid", ::getpid()}, {"host", host_name()}, {"started", utc_now()}}.dump() + '\n';
    if (::ftruncate(file, 0) != 0 ||
        ::pwrite(file, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
      throw ConfigError(concat(shown(root), ": cannot be written to: ", std::strerror(errno)));
    }
  } catch (...) {
    ::close(file);
    throw;
  }
  return file;
}

/// Tries what saving needs before time is spent on a training.
void check_storage(const fs::path& root) {
  if (!try_storage(root).rename_flags) {
    log::info("train", concat(shown(root),
                              ": the file system knows no renames that refuse to replace; plain "
                              "ones take their place"));
  }
}

}  // namespace

bool is_run_dir(const fs::path& root) {
  std::error_code ignored;
  for (const char* mark : {"config.resolved.yaml", "run.lock"}) {
    if (fs::is_regular_file(root / mark, ignored)) return true;
  }
  return false;
}

RunDir::RunDir(const fs::path& root, RunMode mode, const std::vector<fs::path>& inputs)
    : root_(root) {
  std::error_code error;
  const auto status = fs::status(root, error);
  if (fs::exists(status) && !fs::is_directory(status)) {
    throw ConfigError(concat(shown(root), ": is in the way: not a folder"));
  }
  if (fs::exists(status) && !is_run_dir(root) && !fs::is_empty(root, error)) {
    throw ConfigError(
        concat(shown(root), ": is not empty and holds no run; choose another folder"));
  }
  if (mode == RunMode::kResume && !is_run_dir(root)) {
    throw ConfigError(concat(shown(root), ": holds no run to resume"));
  }
  fs::create_directories(root, error);
  if (error) throw ConfigError(concat(shown(root), ": cannot be made: ", error.message()));

  lock_ = take_lock(root);
  try {
    if (mode == RunMode::kNew && has_content(root)) {
      throw ConfigError(concat(
          shown(root), ": holds a run; --resume goes on with it, --overwrite starts it anew"));
    }
    check_storage(root);
    if (mode == RunMode::kOverwrite) remove_owned(root, inputs);
    for (const char* folder : {"checkpoints", "samples", "tb"}) {
      fs::create_directories(root / folder);
      if (is_real_folder(root / folder)) remove_leftovers(root / folder, /*exclusive=*/true);
    }
    remove_leftovers(root);  // other programs may write here, such as `vdd report`
  } catch (const fs::filesystem_error& e) {
    ::close(lock_);
    throw ConfigError(concat(shown(e.path1()), ": cannot be changed: ", e.code().message()));
  } catch (...) {
    ::close(lock_);
    throw;
  }
}

RunDir::~RunDir() {
  // The file stays: removing it would let a third process lock a new file while a second waits on
  // the old one.
  [[maybe_unused]] const int ignored = ::ftruncate(lock_, 0);
  ::close(lock_);
}

fs::path RunDir::sample(std::int64_t step, std::string_view name) const {
  return root_ / "samples" / concat(checkpoint_name(step), '-', name);
}

void RunDir::write_config(std::string_view yaml) {
  constexpr std::uint64_t kMaxConfigBytes = 1 << 24;
  if (path_exists(config())) {
    if (read_file(config(), kMaxConfigBytes) == yaml) return;
    int number = 1;
    const auto kept = [&] { return root_ / concat("config.resolved.", number, ".yaml"); };
    while (path_exists(kept())) ++number;
    std::error_code error;
    fs::rename(config(), kept(), error);
    if (error)
      throw ResourceError(concat(shown(config()), ": cannot be renamed: ", error.message()));
  }
  write_file_atomic(config(), yaml);
}

void RunDir::write_manifest(const RunFacts& facts, std::int64_t start_step) {
  Json starts = Json::array();
  if (path_exists(manifest())) {
    const Json old = parse_json(read_file(manifest(), 16 << 20));
    if (old.is_object() && old.contains("starts") && old["starts"].is_array()) {
      starts = old["starts"];
    } else {
      log::warning("train", concat(shown(manifest()),
                                   ": unreadable, written anew without the earlier starts"));
    }
  }
  starts.push_back({{"time", utc_now()},
                    {"host", host_name()},
                    {"pid", ::getpid()},
                    {"start_step", start_step},
                    {"version", version()},
                    {"build_id", build_id()},
                    {"command_line", command_line()}});
  const Json manifest_json = {{"format", 1},
                              {"program", facts.program},
                              {"version", version()},
                              {"build_id", build_id()},
                              {"config_hash", facts.config_hash},
                              {"data_hash", facts.data_hash},
                              {"weights", facts.weights},
                              {"device", facts.device},
                              {"threads", facts.threads},
                              {"starts", starts}};
  // Paths and words are bytes, not always UTF-8.
  write_file_atomic(manifest(),
                    manifest_json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n');
}

}  // namespace vdd::run
