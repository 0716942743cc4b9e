// SPDX-License-Identifier: Apache-2.0
#include "vdd/run/checkpoint.h"

#include <algorithm>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <system_error>

#include "vdd/core/error.h"
#include "vdd/core/files.h"
#include "vdd/core/folders.h"
#include "vdd/core/hash.h"
#include "vdd/core/json.h"
#include "vdd/core/log.h"
#include "vdd/core/staged_folder.h"
#include "vdd/core/system.h"
#include "vdd/core/text.h"

namespace vdd::run {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormat = 1;
constexpr int kMaxFailures = 3;
constexpr std::uint64_t kMaxMarkerBytes = 16 << 20;
const char* const kMarker = "complete.json";

struct FileFacts {
  std::int64_t bytes = 0;
  std::string sha256;
};
using Contents = std::map<std::string, FileFacts>;

std::optional<std::int64_t> step_of(const fs::path& path) {
  const std::string name = path.filename().string();
  if (!name.starts_with("step-")) return std::nullopt;
  const std::string digits = name.substr(5);
  const std::size_t first = digits.find_first_not_of('0');
  const auto step =
      parse_int(first == std::string::npos ? "0" : std::string_view(digits).substr(first));
  if (!step || checkpoint_name(*step) != name) return std::nullopt;
  return *step;
}

/// Lists what is in a folder that was just filled. Links and other special files have no place in a
/// checkpoint.
Contents inventory(const fs::path& folder) {
  Contents contents;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const auto type = entry.symlink_status().type();
    if (type == fs::file_type::directory) continue;
    if (type != fs::file_type::regular)
      throw Error(concat(shown(entry.path()), ": is no regular file"));
    contents[entry.path().lexically_relative(folder).generic_string()] = {
        static_cast<std::int64_t>(entry.file_size()), sha256_file(entry.path())};
  }
  return contents;
}

std::string marker_text(std::int64_t step, const Contents& contents) {
  Json files = Json::object();
  for (const auto& [name, file] : contents)
    files[name] = {{"bytes", file.bytes}, {"sha256", file.sha256}};
  return Json{{"format", kFormat}, {"step", step}, {"files", files}}.dump(2) + '\n';
}

bool stays_inside(const fs::path& name) {
  return !name.empty() && name.is_relative() &&
         std::none_of(name.begin(), name.end(), [](const fs::path& part) { return part == ".."; });
}

/// Reads complete.json. Every field is checked, so that no changed byte of it goes unnoticed.
Contents read_marker(const fs::path& path) {
  const fs::path marker = path / kMarker;
  const auto refuse = [&](std::string_view reason) -> Contents {
    throw VerificationError(concat(shown(marker), ": ", reason));
  };
  std::error_code error;
  if (!fs::is_regular_file(fs::symlink_status(marker, error)))
    return refuse("is missing: the checkpoint is not complete");
  try {
    const Json json = parse_json(read_file(marker, kMaxMarkerBytes));
    if (json.at("format").get<int>() != kFormat) return refuse("is of an unknown format");
    const auto step =
        step_of(real_path(path));  // `path` may be the link `best`, or a copy of any name
    if (step.value_or(json.at("step").get<std::int64_t>()) != json.at("step").get<std::int64_t>()) {
      return refuse("is of another step than the folder");
    }
    Contents contents;
    for (const auto& [name, file] : json.at("files").items()) {
      if (!stays_inside(name)) return refuse("names a file outside the checkpoint");
      contents[name] = {file.at("bytes").get<std::int64_t>(), file.at("sha256").get<std::string>()};
    }
    return contents;
  } catch (const nlohmann::json::exception&) {
    return refuse("is damaged");
  } catch (const DataError&) {
    return refuse("cannot be read");
  }
}

void remove_quietly(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) log::warning("train", concat(shown(path), ": cannot be removed: ", error.message()));
}

/// Renames aside, under a name that no reader takes for a checkpoint.
std::optional<fs::path> move_aside(const fs::path& path, std::string_view prefix) {
  const auto target = [&](int number) {
    return path.parent_path() /
           concat(prefix, path.filename().string(), number > 1 ? concat('-', number) : "");
  };
  int number = 1;
  while (path_exists(target(number))) ++number;
  std::error_code error;
  fs::rename(path, target(number), error);
  if (!error) return target(number);
  log::warning("train", concat(shown(path), ": cannot be renamed: ", error.message()));
  return std::nullopt;
}

bool verifies(const Checkpoint& checkpoint, std::string& reason) {
  try {
    verify_checkpoint(checkpoint.path);
    return true;
  } catch (const VerificationError& e) {
    reason = e.what();
    return false;
  }
}

}  // namespace

std::string checkpoint_name(std::int64_t step) {
  std::ostringstream name;
  name << "step-" << std::setw(6) << std::setfill('0') << step;
  return name.str();
}

std::vector<Checkpoint> list_checkpoints(const fs::path& folder) {
  std::vector<Checkpoint> found;
  if (!is_folder(folder)) return found;
  for (const std::string& name : list_names(folder)) {
    const fs::path path = folder / name;
    std::error_code error;
    const auto step = step_of(path);
    if (step && fs::is_directory(fs::symlink_status(path, error))) found.push_back({*step, path});
  }
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.step < b.step; });
  return found;
}

std::vector<Checkpoint> find_checkpoints(const fs::path& path) {
  if (!path_exists(path)) throw DataError(path, "does not exist");
  const fs::path real = real_path(path);
  if (const auto step = step_of(real)) return {{*step, real}};
  auto found = list_checkpoints(is_folder(path / "checkpoints") ? path / "checkpoints" : path);
  if (found.empty()) throw DataError(path, "holds no checkpoint");
  return found;
}

std::vector<std::string> checkpoint_links(const Checkpoint& checkpoint) {
  std::vector<std::string> names;
  for (const char* name : {"latest", "best"}) {
    std::error_code none;
    const fs::path target = fs::read_symlink(checkpoint.path.parent_path() / name, none);
    if (target == checkpoint.path.filename()) names.push_back(name);
  }
  return names;
}

void verify_checkpoint(const fs::path& path) {
  for (const auto& [name, expected] : read_marker(path)) {
    const fs::path file = path / name;
    const auto refuse = [&](std::string_view reason) {
      throw VerificationError(concat(shown(file), ": ", reason));
    };
    std::error_code error;
    if (!fs::is_regular_file(fs::symlink_status(file, error))) refuse("is missing");
    const auto bytes = fs::file_size(file, error);
    if (error || static_cast<std::int64_t>(bytes) != expected.bytes) {
      refuse(concat("has ", bytes, " bytes instead of ", expected.bytes));
    }
    try {
      if (sha256_file(file) != expected.sha256) refuse("its content has changed (SHA-256 differs)");
    } catch (const DataError&) {
      refuse("cannot be read");
    }
  }
}

std::map<std::string, std::int64_t> checkpoint_files(const fs::path& path) {
  std::map<std::string, std::int64_t> files;
  for (const auto& [name, file] : read_marker(path)) files[name] = file.bytes;
  return files;
}

CheckpointStore::CheckpointStore(const RunDir& run, std::int64_t keep)
    : folder_(run.checkpoints()), keep_(keep) {
  if (keep < 1) throw ConfigError("the number of checkpoints to keep must be at least 1");
  make_folders(folder_);
  // The run is locked, so whoever was busy with these is dead.
  for (const std::string& name : list_names(folder_)) {
    for (const char* ours : {".tmp-step-*", ".tmp-latest", ".tmp-best", ".trash-step-*"}) {
      if (glob_match(ours, name)) remove_quietly(folder_ / name);
    }
  }

  std::error_code no_link;
  best_step_ = step_of(fs::read_symlink(folder_ / "best", no_link)).value_or(-1);
  if (const auto found = list_checkpoints(folder_); !found.empty())
    link("latest", found.back().step);
}

bool CheckpointStore::save(std::int64_t step, const Writer& fill, const SaveOptions& options) {
  try {
    write(step, fill, options.bytes);
  } catch (const Error& e) {
    if (e.code() != ExitCode::kResources) throw;
    storage_failed(step, e.what(), options.final);
    return false;
  } catch (const fs::filesystem_error& e) {
    storage_failed(step, concat(shown(e.path1()), ": ", e.code().message()), options.final);
    return false;
  }
  failures_ = 0;
  link("latest", list_checkpoints(folder_).back().step);
  if (options.best) mark_best(step);
  rotate();
  return true;
}

void CheckpointStore::write(std::int64_t step, const Writer& fill, std::int64_t bytes) {
  const Checkpoint target{step, folder_ / checkpoint_name(step)};
  std::error_code error;
  if (fs::exists(fs::symlink_status(target.path, error))) {
    std::string reason;
    if (verifies(target, reason)) return;
    log::warning("train", reason);
    move_aside(target.path, ".damaged-");
  }
  if (const std::int64_t free = free_disk_bytes(folder_); free < bytes) {
    throw ResourceError(
        concat(shown(folder_), ": ", mebibytes(free), " are free, it takes ", mebibytes(bytes)));
  }
  StagedFolder staged(target.path);
  fill(staged.path());
  Contents contents;
  try {
    contents = inventory(staged.path());
  } catch (const DataError& e) {  // what was just written cannot be read back
    throw ResourceError(e.what());
  }
  write_file_atomic(staged.path() / kMarker, marker_text(step, contents));
  staged.commit();
}

void CheckpointStore::storage_failed(std::int64_t step, const std::string& reason, bool final) {
  ++failures_;
  const std::string message = concat("checkpoint of step ", step, " not saved: ", reason);
  if (final) throw ResourceError(message);
  if (failures_ >= kMaxFailures)
    throw ResourceError(concat(message, " (", failures_, " times in a row)"));
  log::warning("train", concat(message, "; training goes on"));
}

void CheckpointStore::mark_best(std::int64_t step) {
  if (!is_folder(folder_ / checkpoint_name(step))) return;
  best_step_ = step;
  link("best", step);
}

bool CheckpointStore::empty() const {
  if (!list_checkpoints(folder_).empty()) return false;
  return std::ranges::none_of(
      list_names(folder_), [](const std::string& name) { return name.starts_with(".damaged-"); });
}

Checkpoint CheckpointStore::newest_valid() {
  auto found = list_checkpoints(folder_);
  for (; !found.empty(); found.pop_back()) {
    std::string reason;
    if (verifies(found.back(), reason)) {
      link("latest", found.back().step);
      return found.back();
    }
    const auto kept = move_aside(found.back().path, ".damaged-");
    log::warning("train", concat(reason, kept ? "; kept as " + shown(kept->filename()) : "",
                                 "; taking the one before"));
  }
  throw DataError(folder_, "holds no checkpoint that verifies; --overwrite starts the run anew");
}

Checkpoint CheckpointStore::at(std::int64_t step) const {
  const Checkpoint wanted{step, folder_ / checkpoint_name(step)};
  if (!is_folder(wanted.path)) throw DataError(wanted.path, "there is no such checkpoint");
  std::string reason;
  if (!verifies(wanted, reason)) throw DataError(wanted.path, reason);
  return wanted;
}

/// Relative, so that a run folder can be moved; replaced in one step.
void CheckpointStore::link(const std::string& name, std::int64_t step) {
  const fs::path temporary = folder_ / (".tmp-" + name);
  const fs::path target = checkpoint_name(step);
  std::error_code error;
  if (fs::read_symlink(folder_ / name, error) == target) return;
  try {
    fs::remove(temporary);
    fs::create_directory_symlink(target, temporary);
    fs::rename(temporary, folder_ / name);
    sync_folder(folder_);
  } catch (const std::exception& e) {
    // The checkpoint itself is safe, and resuming does not need the link.
    log::warning("train", concat(shown(folder_ / name), ": cannot be updated: ", e.what()));
  }
}

void CheckpointStore::rotate() {
  const auto found = list_checkpoints(folder_);
  const auto excess = static_cast<std::int64_t>(found.size()) - keep_;
  for (std::int64_t i = 0; i < excess; ++i) {
    if (found[i].step == best_step_) continue;
    if (const auto trash = move_aside(found[i].path, ".trash-")) remove_quietly(*trash);
  }
}

}  // namespace vdd::run
