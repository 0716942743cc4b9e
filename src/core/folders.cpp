// SPDX-License-Identifier: Apache-2.0
#include "vdd/core/folders.h"

#include <algorithm>
#include <system_error>

#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd {
namespace fs = std::filesystem;
namespace {

fs::file_type type_of(const fs::path& path) {
  std::error_code error;
  const fs::file_type type = fs::status(path, error).type();
  if (type == fs::file_type::none)
    throw DataError(path, concat("cannot be examined: ", error.message()));
  return type;
}

}  // namespace

bool path_exists(const fs::path& path) {
  return type_of(path) != fs::file_type::not_found;
}

bool is_folder(const fs::path& path) {
  return type_of(path) == fs::file_type::directory;
}

bool is_file(const fs::path& path) {
  return type_of(path) == fs::file_type::regular;
}

std::vector<std::string> list_names(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  if (error) throw DataError(folder, concat("cannot be listed: ", error.message()));
  std::ranges::sort(names);
  return names;
}

fs::path real_path(const fs::path& path) {
  std::error_code error;
  fs::path real = fs::canonical(path, error);
  if (error) throw DataError(path, concat("cannot be found: ", error.message()));
  return real;
}

void make_folders(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    throw ResourceError(concat(shown(folder), ": cannot be made: ", error.message()));
  }
}

}  // namespace vdd
