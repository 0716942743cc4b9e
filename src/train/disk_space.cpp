// SPDX-License-Identifier: Apache-2.0
#include "disk_space.h"

#include <sys/stat.h>

#include "vdd/core/text.h"

namespace vdd::train {
namespace fs = std::filesystem;
namespace {

/// 0 if it cannot be told.
dev_t device_of(const fs::path& path) {
  std::error_code ignored;
  fs::path existing = fs::absolute(path, ignored);
  while (!fs::exists(existing, ignored) && existing.has_relative_path())
    existing = existing.parent_path();
  struct stat facts {};
  return ::stat(existing.c_str(), &facts) == 0 ? facts.st_dev : 0;
}

}  // namespace

std::string mebibytes(std::int64_t bytes) {
  return concat((bytes + (1 << 20) - 1) >> 20, " MiB");
}

bool same_file_system(const fs::path& a, const fs::path& b) {
  return device_of(a) == device_of(b);
}

}  // namespace vdd::train
