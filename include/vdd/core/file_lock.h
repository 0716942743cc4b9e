// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

// Locks that end with their process, however that ends, and what they tell about leftovers.
namespace vdd {

enum class LockState {
  kHeld,         ///< this process has it
  kBusy,         ///< another has it
  kUnsupported,  ///< the file system has no locks for such a file; errno says why
};

/// Takes the exclusive lock of an open file or folder (flock) without waiting. It ends when the
/// descriptor is closed. NFS wants a file that is open for writing and locks no folders.
LockState try_lock(int descriptor);

/// Removes what killed writers have left in `folder`: files and folders called
/// ".tmp-<name>-<16 hexadecimal digits>" that nobody holds the lock of. Where the file system has
/// no locks they go only if `exclusive`: the caller then vouches that nobody else writes there.
/// Errors are left to the next start.
void remove_leftovers(const std::filesystem::path& folder, bool exclusive = false);

}  // namespace vdd
