// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

// Temporary names beside the final one, which FileWriter and StagedFolder share.
namespace vdd {

std::string errno_text(int error = errno);

/// Throws ResourceError "<path>: <what>: <errno>".
[[noreturn]] void fail_write(const std::filesystem::path& path, std::string_view what);

inline constexpr std::string_view kTemporary = ".tmp-";

/// Returns ".tmp-<name>-<random>" in the folder of `path`, short enough for a file name.
std::filesystem::path temporary_sibling(const std::filesystem::path& path);

/// Lists the entries beside `path` that are called "<first><its name>-<16 hexadecimal digits>";
/// none if the folder cannot be listed.
std::vector<std::filesystem::path> siblings(const std::filesystem::path& path,
                                            std::string_view first);

/// The folder that holds `path`; "." if it names none.
std::filesystem::path parent_of(const std::filesystem::path& path);

/// Makes what is written in a file durable. Throws ResourceError.
void sync_file(const std::filesystem::path& path);

/// Removes `path`, a file or a folder, unless a living process holds its lock.
void remove_abandoned(const std::filesystem::path& path, bool exclusive);

}  // namespace vdd
