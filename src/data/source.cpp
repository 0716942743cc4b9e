// SPDX-License-Identifier: Apache-2.0
#include "source.h"

#include <algorithm>
#include <cctype>

#include "vdd/core/error.h"
#include "vdd/core/folders.h"
#include "vdd/core/text.h"
#include "vdd/io/video.h"

namespace vdd::data {
namespace {

namespace fs = std::filesystem;

bool matches_any(const std::vector<std::string>& patterns, const std::string& name) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const auto& pattern) { return glob_match(pattern, name); });
}

bool plain_name(const std::string& name) {
  return name != ".." && std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-';
         });
}

/// Lists a folder that may not be there.
std::vector<std::string> names_in(const fs::path& folder) {
  return is_folder(folder) ? list_names(folder) : std::vector<std::string>{};
}

bool holds(const fs::path& folder, const std::string& pattern) {
  return !list_folders(folder, pattern).empty();
}

bool is_virtual_kitti(const fs::path& root) {
  return holds(root, "Scene??") || holds(root / "rgb", "Scene??") ||
         holds(root / "vkitti_2.0.3_rgb", "Scene??");
}

bool is_hypersim(const fs::path& root) {
  return holds(root / "evermotion_dataset/scenes", "ai_*") || holds(root / "scenes", "ai_*") ||
         holds(root, "ai_*");
}

bool holds_video(const fs::path& root, int depth = kMaxVideoDepth) {
  if (io::is_video_file(root)) return true;
  return std::ranges::any_of(names_in(root), [&](const std::string& name) {
    const fs::path entry = root / name;
    return io::is_video_file(entry) || io::is_image_file(entry) ||
           (depth > 0 && is_folder(entry) && holds_video(entry, depth - 1));
  });
}

}  // namespace

bool Selection::takes(const std::string& name, bool kept) const {
  if (!source_.include.empty() && !matches_any(source_.include, name)) return false;
  if (matches_any(source_.exclude, name)) return false;
  if (split_ == Split::kAll) return true;
  return (kept || matches_any(config_.holdout, name)) == (split_ == Split::kValidation);
}

void append_runs(const std::string& name, const std::string& group,
                 const std::vector<std::int64_t>& numbers, const DataConfig& config,
                 std::vector<Run>& runs) {
  const std::int64_t needed = (config.least_frames() - 1) * config.stride_min + 1;
  for (std::size_t begin = 0, end = 0; begin < numbers.size(); begin = end) {
    for (end = begin + 1; end < numbers.size() && numbers[end] == numbers[end - 1] + 1;) ++end;
    const auto length = static_cast<std::int64_t>(end - begin);
    if (length >= needed) runs.push_back({name, group, numbers[begin], length});
  }
}

std::vector<std::int64_t> list_numbers(const fs::path& folder, const std::string& prefix,
                                       const std::string& suffix) {
  std::vector<std::int64_t> numbers;
  for (const std::string& name : names_in(folder)) {
    if (name.size() <= prefix.size() + suffix.size() || !name.starts_with(prefix) ||
        !name.ends_with(suffix))
      continue;
    std::int64_t number = 0;
    const std::string digits =
        name.substr(prefix.size(), name.size() - prefix.size() - suffix.size());
    const bool numeric =
        digits.size() < 10 && std::all_of(digits.begin(), digits.end(),
                                          [](unsigned char c) { return std::isdigit(c) != 0; });
    if (!numeric) continue;
    for (const char c : digits) number = 10 * number + (c - '0');
    numbers.push_back(number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

std::vector<std::string> list_folders(const fs::path& folder, const std::string& pattern) {
  std::vector<std::string> names = names_in(folder);
  std::erase_if(names, [&](const std::string& name) {
    return !plain_name(name) || !glob_match(pattern, name) || !is_folder(folder / name);
  });
  return names;
}

std::string padded(std::int64_t number, int digits) {
  std::string text = std::to_string(number);
  if (text.size() < static_cast<std::size_t>(digits))
    text.insert(0, static_cast<std::size_t>(digits) - text.size(), '0');
  return text;
}

std::unique_ptr<Source> open_source(const SourceConfig& source, const DataConfig& config,
                                    Split split) {
  if (!path_exists(source.root)) throw DataError(source.root, "no such folder");
  switch (source.kind) {
    case SourceKind::kVirtualKitti:
      return open_virtual_kitti(source, config, split);
    case SourceKind::kHypersim:
      return open_hypersim(source, config, split);
    case SourceKind::kVideos:
      break;
  }
  return open_videos(source, config, split);
}

std::vector<SourceConfig> find_sources(const fs::path& root) {
  if (!path_exists(root)) throw DataError(root, "no such folder");
  std::vector<SourceConfig> found;
  const auto add = [&](SourceKind kind, const fs::path& place) {
    found.push_back({.kind = kind, .root = place.string()});
  };
  for (const fs::path& place : {root, root / "vkitti2", root / "virtual_kitti"}) {
    if (is_virtual_kitti(place)) add(SourceKind::kVirtualKitti, place);
  }
  for (const fs::path& place : {root, root / "hypersim"}) {
    if (is_hypersim(place)) add(SourceKind::kHypersim, place);
  }
  if (holds_video(root / "videos")) add(SourceKind::kVideos, root / "videos");
  if (found.empty() && holds_video(root)) add(SourceKind::kVideos, root);
  if (found.empty()) {
    throw DataError(
        root,
        "no data set here; looked for SceneNN/ (Virtual KITTI 2), ai_*/ (Hypersim), videos and "
        "frame folders, also below vkitti2/, hypersim/ and videos/");
  }
  return found;
}

}  // namespace vdd::data
