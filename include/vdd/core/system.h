// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

// Facts about this process and machine. Sizes are bytes.
namespace vdd {

/// Resident memory of this process now, and the most it ever was.
std::int64_t memory_bytes();
std::int64_t peak_memory_bytes();
/// Memory of the machine: all of it, and what can still be had without swapping.
std::int64_t total_memory_bytes();
std::int64_t available_memory_bytes();
/// Space an ordinary user may still fill on the file system of `path`, or of its nearest parent
/// that exists. Throws ResourceError if that cannot be told.
std::int64_t free_disk_bytes(const std::filesystem::path& path);
/// Whether two paths, or their nearest parents that exist, share their free space.
bool same_file_system(const std::filesystem::path& a, const std::filesystem::path& b);
/// "1536 MiB", rounded up.
std::string mebibytes(std::int64_t bytes);

/// Processors this process may run on (its affinity mask).
int available_cpus();
std::string host_name();
/// The words this process was started with.
std::vector<std::string> command_line();
/// Returns the time in UTC, to the second: "2026-03-01T12:34:56Z".
std::string utc_now();

/// The project's version ("0.1.0"), and the linker's build id of the running program: 40
/// hexadecimal digits that differ as soon as any code differs, empty if it was linked without one.
std::string version();
std::string build_id();

}  // namespace vdd
