// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

// Questions to the file system. Each has an answer or is a DataError that names the path: a circle
// of links, a folder that may not be read or a disk that fails is never taken for "no such file",
// as the error_code forms of std::filesystem do, and never an exception of another kind.
namespace vdd {

/// Tell what is at `path`, links followed; a link that leads nowhere counts as nothing there. Throw
/// DataError.
bool path_exists(const std::filesystem::path& path);
bool is_folder(const std::filesystem::path& path);
bool is_file(const std::filesystem::path& path);

/// Lists the names in a folder, sorted by their bytes. Throws DataError if it cannot be listed.
std::vector<std::string> list_names(const std::filesystem::path& folder);

/// Returns where a path leads, links followed. Throws DataError if nothing is there.
std::filesystem::path real_path(const std::filesystem::path& path);

/// Makes a folder, with those above it, unless it is there. Throws ResourceError.
void make_folders(const std::filesystem::path& folder);

}  // namespace vdd
