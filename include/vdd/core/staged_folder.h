// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

// Folders that are complete or absent, and the rule what may be replaced.
namespace vdd {

/// What a folder must look like for a program to replace it. An empty folder always may be.
struct Replaceable {
  std::string marker;              ///< a file that only this program writes, at the folder's top
  std::vector<std::string> names;  ///< all that this program writes there, as glob patterns
  std::vector<std::filesystem::path> inputs;  ///< what the program reads
};

/// Throws ConfigError, naming the reason, if `folder` exists and is not one that `rule` lets go: it
/// is a link or no folder, has no marker, holds something of another name, or is, holds or lies in
/// an input.
void require_replaceable(const std::filesystem::path& folder, const Replaceable& rule);

/// Throws ConfigError if `path`, which a program is about to remove or replace, is, holds or lies
/// in one of `inputs` or of the links in them. Links are resolved; inputs that do not exist are
/// left out.
void require_apart(const std::filesystem::path& path,
                   const std::vector<std::filesystem::path>& inputs);

/// A folder that appears under its name complete or not at all: fill path(), then commit().
class StagedFolder {
 public:
  /// What happens if the name is taken, at the start or at the end.
  enum class Existing {
    kRefuse,     ///< ConfigError
    kKeepFirst,  ///< whoever committed first wins; for folders of equal content
  };

  /// Makes ".tmp-<name>-<random>" beside `final_path` (and the folders above), locked while this
  /// lives, and removes those of that name which killed processes have left; a replacement that a
  /// crash cut in two is completed first. Throws ConfigError if `final_path` exists and may not be
  /// replaced, ResourceError if the folder cannot be made.
  explicit StagedFolder(const std::filesystem::path& final_path,
                        Existing existing = Existing::kRefuse);
  /// Makes the temporary folder for one that may replace a folder which fits `rule`, see
  /// require_replaceable().
  StagedFolder(const std::filesystem::path& final_path, Replaceable rule);
  /// Removes the temporary folder unless committed.
  ~StagedFolder();
  StagedFolder(const StagedFolder&) = delete;
  StagedFolder& operator=(const StagedFolder&) = delete;

  const std::filesystem::path& path() const { return staged_; }
  /// Syncs every file and folder, renames, syncs the parent. A folder it replaces is exchanged in
  /// one step, then removed; where the file system cannot exchange (NFS, Lustre), it is renamed to
  /// ".vdd-replaced-<name>-<random>" first, and finish_replacement() completes what a crash cuts in
  /// two.
  void commit();

 private:
  void stage();
  void replace();

  std::filesystem::path final_, staged_;
  Existing existing_ = Existing::kRefuse;
  std::optional<Replaceable> rule_;
  int lock_ = -1;
};

/// Completes the replacement of `final_path` if a crash came between its two renames: the new
/// folder, whole at that time, gets the name. Does nothing otherwise.
void finish_replacement(const std::filesystem::path& final_path);

/// What a file system can do beyond plain files and renames.
struct StorageTraits {
  bool rename_flags = true;  ///< renames that refuse to replace, and that exchange (renameat2)
  bool locks = true;         ///< flock
};

/// Tries in `folder` all that a commit, a checkpoint and their links need, on scratch files that it
/// removes again. Throws ResourceError if they would fail.
StorageTraits try_storage(const std::filesystem::path& folder);

}  // namespace vdd
