// SPDX-License-Identifier: Apache-2.0
#include "temporary.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#include <system_error>
#include <vector>

#include "vdd/core/error.h"
#include "vdd/core/file_lock.h"
#include "vdd/core/files.h"
#include "vdd/core/hash.h"
#include "vdd/core/text.h"

namespace vdd {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kDigits = 16;

bool is_random(std::string_view text) {
  return text.size() == kDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// A long name is cut, and told from others that start so by its hash.
std::string sibling_start(const fs::path& path, std::string_view first) {
  const std::string name = path.filename().string();
  if (name.size() <= 200) return concat(first, name, '-');
  return concat(first, name.substr(0, 180), sha256_hex(name).substr(0, kDigits), '-');
}

/// Lists the entries of `folder` whose names fit; none if it cannot be listed.
template <typename Fits>
std::vector<fs::path> entries_of(const fs::path& folder, Fits fits) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (fits(entry->path().filename().string())) found.push_back(entry->path());
  }
  return found;
}

/// Throws ResourceError unless the errno of fsync is one that `fine` lets go.
template <typename Fine>
void sync_path(const fs::path& path, int flags, Fine fine) {
  const int file = ::open(path.c_str(), flags | O_CLOEXEC);
  const bool synced = file >= 0 && (::fsync(file) == 0 || fine(errno));
  const int error = errno;
  if (file >= 0) ::close(file);
  errno = error;
  if (!synced) fail_write(path, "cannot be synced");
}

}  // namespace

std::string errno_text(int error) {
  return std::generic_category().message(error);
}

void fail_write(const fs::path& path, std::string_view what) {
  const std::string reason = errno_text();
  throw ResourceError(concat(shown(path), ": ", what, ": ", reason));
}

fs::path temporary_sibling(const fs::path& path) {
  std::uint64_t random = 0;
  if (::getrandom(&random, sizeof random, 0) != sizeof random) fail_write(path, "no random name");
  std::string digits(kDigits, '0');
  for (char& digit : digits) digit = "0123456789abcdef"[random & 15], random >>= 4;
  return parent_of(path) / concat(sibling_start(path, kTemporary), digits);
}

std::vector<fs::path> siblings(const fs::path& path, std::string_view first) {
  const std::string start = sibling_start(path, first);
  return entries_of(parent_of(path), [&](const std::string& name) {
    return name.starts_with(start) && is_random(std::string_view(name).substr(start.size()));
  });
}

fs::path parent_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : ".";
}

LockState try_lock(int descriptor) {
  int status;
  do {
    status = ::flock(descriptor, LOCK_EX | LOCK_NB);
  } while (status != 0 && errno == EINTR);
  if (status == 0) return LockState::kHeld;
  return errno == EWOULDBLOCK ? LockState::kBusy : LockState::kUnsupported;
}

void remove_abandoned(const fs::path& path, bool exclusive) {
  // NFS locks only what is open for writing, and a folder cannot be.
  int file = ::open(path.c_str(), O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
  if (file < 0) file = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
  if (file < 0) return;
  const LockState state = try_lock(file);
  std::error_code ignored;
  if (state == LockState::kHeld || (state == LockState::kUnsupported && exclusive)) {
    fs::remove_all(path, ignored);
  }
  ::close(file);
}

void remove_leftovers(const fs::path& folder, bool exclusive) {
  const auto fits = [](const std::string& name) {
    const std::size_t dash = name.find_last_of('-');
    return name.starts_with(kTemporary) && dash > kTemporary.size() &&
           is_random(std::string_view(name).substr(dash + 1));
  };
  for (const fs::path& entry : entries_of(folder, fits)) remove_abandoned(entry, exclusive);
}

void sync_file(const fs::path& path) {
  sync_path(path, O_RDONLY, [](int) { return false; });
}

void sync_folder(const fs::path& folder) {
  sync_path(folder.empty() ? "." : folder, O_RDONLY | O_DIRECTORY,
            [](int error) { return error == EINVAL; });
}

}  // namespace vdd
