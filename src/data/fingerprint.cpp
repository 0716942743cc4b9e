// SPDX-License-Identifier: Apache-2.0
#include "vdd/data/fingerprint.h"

#include <sys/stat.h>

#include <algorithm>
#include <iterator>

#include "source.h"
#include "vdd/core/hash.h"
#include "vdd/core/text.h"

namespace vdd::data {
namespace fs = std::filesystem;

std::string Fingerprint::content() const {
  return sha256_hex(concat(names, '\n', files, '\n'));
}

std::string Fingerprint::text() const {
  return concat(names, '-', files, '-', times);
}

std::string Fingerprint::difference(std::string_view earlier) const {
  const auto before = split(earlier, '-');
  if (before[0] != names) return "other sequences or frame numbers";
  if (before.size() > 1 && before[1] != files) return "files of other names or sizes";
  if (before.size() > 2 && before[2] != times) {
    return "files of the same names and sizes, but modified at other times";
  }
  return "";
}

std::vector<fs::path> files_of(const Source& source, const Run& run, std::int64_t number,
                               bool rgb_only) {
  auto files = source.rgb_files(run, number);
  if (!rgb_only) std::ranges::move(source.depth_files(run, number), std::back_inserter(files));
  return files;
}

Fingerprint fingerprint_of(std::span<const Source* const> sources, bool rgb_only) {
  Sha256 names, files, times;
  for (const Source* source : sources) {
    const auto add = [&, root = source->root().native().size()](const fs::path& file) {
      struct stat facts {};  // of what a link leads to
      const bool found = ::stat(file.c_str(), &facts) == 0;
      std::string_view name = std::string_view(file.native()).substr(root);
      name.remove_prefix(name.starts_with('/') ? 1 : 0);
      files.update(concat(name, ' ', found ? facts.st_size : -1, '\n'));
      times.update(concat(found ? facts.st_mtim.tv_sec : 0, '\n'));
    };
    for (const fs::path& table : source->tables()) add(table);
    fs::path last;
    for (const Run& run : source->runs()) {
      names.update(concat(run.name, ' ', run.first, ' ', run.length, '\n'));
      for (std::int64_t number = run.first; number < run.first + run.length; ++number) {
        for (fs::path& file : files_of(*source, run, number, rgb_only)) {
          if (file == last) continue;  // a video holds many frames
          add(file);
          last = std::move(file);
        }
      }
    }
  }
  return {.names = names.hex(), .files = files.hex(), .times = times.hex()};
}

}  // namespace vdd::data
