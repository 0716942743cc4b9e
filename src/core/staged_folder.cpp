// SPDX-License-Identifier: Apache-2.0
#include "vdd/core/staged_folder.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <system_error>
#include <utility>

#include "temporary.h"
#include "vdd/core/error.h"
#include "vdd/core/file_lock.h"
#include "vdd/core/files.h"
#include "vdd/core/folders.h"
#include "vdd/core/text.h"

namespace vdd {
namespace fs = std::filesystem;
namespace {

/// What a folder is called between the two renames that replace it where one cannot do it.
constexpr std::string_view kReplaced = ".vdd-replaced-";

bool is_taken(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(path, ignored));
}

/// Calls renameat2 with flags and returns 0 or the errno; nothing if the file system does not know
/// the flags.
std::optional<int> rename_with(unsigned flags, const fs::path& from, const fs::path& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flags) == 0) return 0;
  if (errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP) return std::nullopt;
  return errno;
}

/// Renames a folder to a name that nobody has; returns 0 or the errno, EEXIST if it is taken. The
/// fallback cannot lose anything either: a plain rename replaces empty folders only.
int rename_new(const fs::path& from, const fs::path& to) {
  if (const auto status = rename_with(RENAME_NOREPLACE, from, to)) return *status;
  if (is_taken(to)) return EEXIST;
  if (::rename(from.c_str(), to.c_str()) == 0) return 0;
  return errno == ENOTEMPTY || errno == ENOTDIR ? EEXIST : errno;
}

void require_renamed(int error, const fs::path& to) {
  if (error == 0) return;
  if (error == EEXIST) throw ConfigError(concat(shown(to), ": already exists"));
  errno = error;
  fail_write(to, "cannot be put in place");
}

/// Returns the path with a name at its end: without a last separator, "." or "..".
fs::path named(const fs::path& path) {
  const fs::path name = path.filename();
  if (name == "." || name == "..") return named(fs::absolute(path).lexically_normal());
  return name.empty() ? path.parent_path() : path;
}

/// Puts another first part before the "<name>-<random>" of a sibling.
fs::path relabelled(const fs::path& sibling, std::string_view from, std::string_view to) {
  return sibling.parent_path() / concat(to, sibling.filename().string().substr(from.size()));
}

/// True if `inner` is `outer` or lies in it.
bool within(const fs::path& inner, const fs::path& outer) {
  const auto [end, _] = std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end());
  return end == outer.end();
}

}  // namespace

void require_apart(const fs::path& path, const std::vector<fs::path>& inputs) {
  std::error_code error;
  const fs::path real = fs::weakly_canonical(path, error);
  std::vector<fs::path> all;
  for (const fs::path& input : inputs) {
    all.push_back(input);
    for (fs::directory_iterator entry(input, error), end; !error && entry != end;
         entry.increment(error)) {
      if (entry->is_symlink(error)) all.push_back(entry->path());
    }
  }
  for (const fs::path& input : all) {
    const fs::path other = fs::canonical(input, error);
    if (error) continue;
    const std::string_view relation = real == other         ? "is"
                                      : within(other, real) ? "holds"
                                      : within(real, other) ? "lies in"
                                                            : "";
    if (relation.empty()) continue;
    throw ConfigError(concat(shown(path), ": is not replaced: it ", relation, " the input ",
                             shown(input), "; choose another place for the output"));
  }
}

void require_replaceable(const fs::path& folder, const Replaceable& rule) {
  std::error_code error;
  const auto refuse = [&](std::string_view reason) {
    throw ConfigError(concat(shown(folder), ": is not replaced: ", reason));
  };
  const auto status = fs::symlink_status(folder, error);
  if (!fs::exists(status)) return;
  if (!fs::is_directory(status)) refuse("it is no folder");
  bool empty = true, marked = false;
  std::string foreign;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    empty = false;
    std::error_code ignored;
    marked = marked || (name == rule.marker && fs::is_regular_file(entry->symlink_status(ignored)));
    const bool known = name == rule.marker || std::ranges::any_of(rule.names, [&](const auto& own) {
                         return glob_match(own, name);
                       });
    if (!known) foreign = name;
  }
  if (error) refuse(concat("it cannot be listed: ", error.message()));
  if (empty) return;
  require_apart(folder, rule.inputs);
  if (!foreign.empty())
    refuse(concat("it holds ", escape(foreign), ", which is not of this program"));
  if (!marked) refuse(concat("it has no ", rule.marker, ", so this program did not write it"));
}

void finish_replacement(const fs::path& final_path) {
  const fs::path parent = parent_of(final_path);
  for (const fs::path& aside : siblings(final_path, kReplaced)) {
    const fs::path staged = relabelled(aside, kReplaced, kTemporary);
    const int writer = ::open(staged.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    const bool at_work = writer >= 0 && try_lock(writer) == LockState::kBusy;
    if (!at_work && !is_taken(final_path)) {
      require_renamed(rename_new(writer >= 0 ? staged : aside, final_path), final_path);
      sync_folder(parent);
    }
    if (writer >= 0) ::close(writer);
    std::error_code ignored;
    if (!at_work) fs::remove_all(aside, ignored);
  }
}

StorageTraits try_storage(const fs::path& folder) {
  const StagedFolder scratch(folder / "trial",
                             StagedFolder::Existing::kKeepFirst);  // never committed
  const fs::path a = scratch.path() / "a", b = scratch.path() / "b", c = scratch.path() / "c";
  make_folders(a);
  make_folders(b);
  StorageTraits traits;
  traits.rename_flags =
      rename_with(RENAME_NOREPLACE, a, c) == 0 && rename_with(RENAME_EXCHANGE, c, b) == 0;
  StagedFolder staged(scratch.path() / "d");
  write_file_atomic(staged.path() / "file", "trial\n");
  staged.commit();
  const int file = ::open((scratch.path() / "d/file").c_str(), O_RDWR | O_CLOEXEC);
  traits.locks = file >= 0 && try_lock(file) == LockState::kHeld;
  if (file >= 0) ::close(file);
  return traits;
}

StagedFolder::StagedFolder(const fs::path& final_path, Existing existing)
    : final_(named(final_path)), existing_(existing) {
  finish_replacement(final_);
  if (existing == Existing::kRefuse && is_taken(final_)) require_renamed(EEXIST, final_);
  stage();
}

StagedFolder::StagedFolder(const fs::path& final_path, Replaceable rule)
    : final_(named(final_path)), rule_(std::move(rule)) {
  finish_replacement(final_);
  require_replaceable(final_, *rule_);
  stage();
}

void StagedFolder::stage() {
  std::error_code error;
  const fs::path parent = parent_of(final_);
  fs::create_directories(parent, error);
  for (const fs::path& leftover : siblings(final_, kTemporary))
    remove_abandoned(leftover, /*exclusive=*/false);
  do {  // whoever sweeps may have been quicker than the lock
    if (lock_ >= 0) ::close(lock_);
    staged_ = temporary_sibling(final_);
    if (!error) fs::create_directory(staged_, error);
    if (error) {
      const fs::path wanted = std::exchange(staged_, {});
      throw ResourceError(concat(shown(wanted), ": cannot be made: ", error.message()));
    }
    lock_ = ::open(staged_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  } while (!is_taken(staged_) || (lock_ >= 0 && try_lock(lock_) == LockState::kBusy));
}

StagedFolder::~StagedFolder() {
  std::error_code ignored;
  if (!staged_.empty()) fs::remove_all(staged_, ignored);
  if (lock_ >= 0) ::close(lock_);
}

void StagedFolder::commit() {
  try {
    // The content must be on the disk before the name is, or a crash leaves half a folder.
    for (const auto& entry : fs::recursive_directory_iterator(staged_)) {
      if (entry.is_directory()) {
        sync_folder(entry.path());
      } else if (entry.is_regular_file()) {
        sync_file(entry.path());
      }
    }
  } catch (const fs::filesystem_error& e) {
    throw ResourceError(concat(shown(staged_), ": cannot be synced: ", e.code().message()));
  }
  sync_folder(staged_);
  if (rule_ && is_taken(final_)) return replace();
  const int status = rename_new(staged_, final_);
  if (status == EEXIST && existing_ == Existing::kKeepFirst) return;  // the destructor removes ours
  require_renamed(status, final_);
  staged_.clear();
  sync_folder(parent_of(final_));
}

void StagedFolder::replace() {
  require_replaceable(final_, *rule_);  // it may be another one than at the start
  fs::path old = staged_;
  if (const auto status = rename_with(RENAME_EXCHANGE, staged_, final_)) {
    require_renamed(*status, final_);
  } else {
    // From this name finish_replacement() knows what a crash between the renames cut in two.
    old = relabelled(staged_, kTemporary, kReplaced);
    require_renamed(rename_new(final_, old), old);
    sync_folder(parent_of(final_));
    if (const int failed = rename_new(staged_, final_)) {
      rename_new(old, final_);
      require_renamed(failed, final_);
    }
  }
  staged_.clear();
  sync_folder(parent_of(final_));
  std::error_code ignored;
  fs::remove_all(old, ignored);
}

}  // namespace vdd
