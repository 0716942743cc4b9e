// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "vdd/run/run_dir.h"

// Checkpoint folders that are complete or absent; docs/checkpoints.md describes the protocol.
namespace vdd::run {

struct Checkpoint {
  std::int64_t step = 0;
  std::filesystem::path path;  ///< .../checkpoints/step-000500
};

/// "step-000500"; more digits when needed.
std::string checkpoint_name(std::int64_t step);

/// The checkpoints of a folder by rising step, verified or not. An empty list if the folder is
/// missing.
std::vector<Checkpoint> list_checkpoints(const std::filesystem::path& folder);

/// Lists the checkpoints of a run folder or of its `checkpoints`; for a checkpoint, or a link to
/// it, that one alone. Throws DataError if there is none.
std::vector<Checkpoint> find_checkpoints(const std::filesystem::path& path);

/// The links that lead to a checkpoint: "latest", "best", both or none.
std::vector<std::string> checkpoint_links(const Checkpoint& checkpoint);

/// Reads every file that complete.json names and compares size and SHA-256. Throws
/// VerificationError naming the first file that is missing or differs, or the marker if that is
/// missing or not what this program writes. Files it does not name are left alone.
void verify_checkpoint(const std::filesystem::path& path);

/// The bytes of each file that complete.json names, by its path inside the checkpoint. Throws like
/// verify_checkpoint.
std::map<std::string, std::int64_t> checkpoint_files(const std::filesystem::path& path);

/// Writes, rotates and finds the checkpoints of a run. The run's lock makes it the only one.
class CheckpointStore {
 public:
  /// Fills the (empty) folder it is given. Anything it throws ends the save and leaves no trace.
  using Writer = std::function<void(const std::filesystem::path& staged)>;

  struct SaveOptions {
    std::int64_t bytes = 0;  ///< so many must be free, else it is a storage failure
    bool best = false;       ///< point `best` here too
    bool final = false;      ///< nothing can be retried later: a storage failure is thrown at once
  };

  /// Keeps the `keep` newest, and the best. Removes what killed saves left behind (.tmp-*,
  /// .trash-*) and points `latest` at the newest. Throws ConfigError if keep < 1.
  CheckpointStore(const RunDir& run, std::int64_t keep);

  /// Saves step-<step>: staged folder, `fill`, complete.json last, fsync of everything, rename,
  /// fsync of the parent, links, rotation. Returns true once it is on the disk; a valid one that is
  /// already there is kept as it is. A storage failure (no space, I/O error) leaves the earlier
  /// ones untouched and is a warning and false the first two times in a row, then a ResourceError;
  /// so is any with `final`. What else `fill` throws passes through.
  bool save(std::int64_t step, const Writer& fill, const SaveOptions& options);
  bool save(std::int64_t step, const Writer& fill) { return save(step, fill, {}); }

  /// Points `best` at an existing checkpoint; does nothing if there is none of this step.
  void mark_best(std::int64_t step);

  /// Tells whether there is no checkpoint, good or bad: the run ended before its first save.
  bool empty() const;
  /// The one with the highest step that verifies. Damaged ones above it are reported and renamed to
  /// .damaged-<name>. Throws DataError if none is left: a run never starts anew by itself.
  Checkpoint newest_valid();
  /// The one of this step. Throws DataError if it is missing or damaged.
  Checkpoint at(std::int64_t step) const;

  const std::filesystem::path& folder() const { return folder_; }

 private:
  void write(std::int64_t step, const Writer& fill, std::int64_t bytes);
  void storage_failed(std::int64_t step, const std::string& reason, bool final);
  void link(const std::string& name, std::int64_t step);
  void rotate();

  std::filesystem::path folder_;
  std::int64_t keep_, best_step_ = -1;
  int failures_ = 0;
};

}  // namespace vdd::run
