// SPDX-License-Identifier: Apache-2.0
#include "vdd/io/video.h"

#include <algorithm>
#include <cctype>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "vdd/core/error.h"
#include "vdd/core/folders.h"
#include "vdd/core/text.h"
#include "video_file.h"

namespace vdd::io {
namespace {

namespace fs = std::filesystem;

std::string lower_extension(const fs::path& path) {
  std::string extension = path.extension().string();
  for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return extension;
}

template <typename... Choices>
bool has_extension(const fs::path& path, Choices... choices) {
  const std::string extension = lower_extension(path);
  return ((extension == choices) || ...);
}

/// "frame2" before "frame10": runs of digits compare as numbers, of any length.
bool natural_less(const std::string& a, const std::string& b) {
  std::size_t i = 0, j = 0;
  const auto digit = [](const std::string& s, std::size_t k) {
    return k < s.size() && std::isdigit(static_cast<unsigned char>(s[k])) != 0;
  };
  while (i < a.size() && j < b.size()) {
    if (digit(a, i) && digit(b, j)) {
      while (digit(a, i) && a[i] == '0') ++i;
      while (digit(b, j) && b[j] == '0') ++j;
      const std::size_t start_a = i, start_b = j;
      while (digit(a, i)) ++i;
      while (digit(b, j)) ++j;
      const std::string_view number_a(a.data() + start_a, i - start_a),
          number_b(b.data() + start_b, j - start_b);
      if (number_a.size() != number_b.size()) return number_a.size() < number_b.size();
      if (number_a != number_b) return number_a < number_b;
    } else if (a[i] != b[j]) {
      return a[i] < b[j];
    } else {
      ++i, ++j;
    }
  }
  if (a.size() - i != b.size() - j) return a.size() - i < b.size() - j;
  return a < b;
}

/// Lists the frames of a video whose frames are pictures; nothing for a video file.
std::vector<fs::path> picture_frames(const fs::path& path) {
  if (is_folder(path)) return list_frames(path);
  if (is_image_file(path)) return {path};
  return {};
}

/// Throws DataError for a file whose name is none of a video.
void check_extension(const fs::path& path) {
  if (!is_video_file(path)) throw DataError(path, "no video that can be decoded");
}

}  // namespace

bool is_video_file(const fs::path& path) {
  return has_extension(path, ".mp4", ".mov", ".mkv", ".avi", ".webm", ".m4v");
}

bool is_image_file(const fs::path& path) {
  return has_extension(path, ".jpg", ".jpeg", ".png");
}

std::vector<fs::path> list_frames(const fs::path& folder) {
  std::vector<std::string> names = list_names(folder);
  std::erase_if(names, [](const std::string& name) { return !is_image_file(name); });
  std::ranges::sort(names, natural_less);
  std::vector<fs::path> files;
  for (const std::string& name : names) files.push_back(folder / name);
  return files;
}

VideoInfo probe_video(const fs::path& path) {
  const auto files = picture_frames(path);
  if (files.empty() && is_folder(path)) throw DataError(path, "holds no JPEG or PNG frame");
  if (!files.empty()) {
    const Image8 first = read_rgb(files.front());
    return {.frames = std::ssize(files), .height = first.height, .width = first.width};
  }
  check_extension(path);
  VideoFile video(path);
  VideoInfo info{.frames = video.frames_named(),
                 .height = video.height(),
                 .width = video.width(),
                 .frames_per_second = video.frames_per_second(),
                 .constant_rate = video.constant_rate()};
  // If the last frame that the container names is not there, what can be decoded counts.
  if (info.frames > 0) video.seek(info.frames - 1);
  if (info.frames == 0 || !video.grab() || !video.whole()) {
    video.seek(0);
    for (info.frames = 0; video.grab() && video.whole();) ++info.frames;
  }
  if (info.frames == 0) throw DataError(path, "no frame can be decoded");
  return info;
}

struct VideoReader::State {
  fs::path path;
  std::int64_t at, stride;
  std::vector<fs::path> pictures;  ///< empty: a video file
  std::optional<VideoFile> video;
  std::int64_t ready;         ///< the frame that grab() gives next
  int height = 0, width = 0;  ///< of the pictures so far
  double time = std::numeric_limits<double>::quiet_NaN();

  Image8 picture() {
    if (at >= std::ssize(pictures))
      throw DataError(path, concat("has only ", pictures.size(), " frames"));
    const fs::path& file = pictures[static_cast<std::size_t>(at)];
    Image8 image = read_rgb(file);
    if (height == 0) height = image.height, width = image.width;
    if (image.height != height || image.width != width)
      throw DataError(file, "another size than the frames before it");
    return image;
  }
  Image8 decoded() {
    for (; ready <= at; ++ready) {
      if (!video->grab()) throw DataError(path, concat("frame ", at), "cannot be decoded");
    }
    time = video->time();
    return video->picture(at);
  }
};

VideoReader::VideoReader(const fs::path& path, std::int64_t start, std::int64_t stride)
    : state_(new State{.path = path,
                       .at = start,
                       .stride = stride,
                       .pictures = picture_frames(path),
                       .video = {},
                       .ready = start}) {
  if (!state_->pictures.empty() || is_folder(path)) return;
  check_extension(path);
  state_->video.emplace(path);
  if (start > 0) state_->video->seek(start);
}

VideoReader::~VideoReader() = default;

Image8 VideoReader::next() {
  State& s = *state_;
  Image8 image = s.video ? s.decoded() : s.picture();
  s.at += s.stride;
  return image;
}

double VideoReader::time() const {
  return state_->time;
}

std::vector<Image8> read_video(const fs::path& path, std::int64_t start, std::int64_t count,
                               std::int64_t stride) {
  VideoReader reader(path, start, stride);
  std::vector<Image8> frames;
  while (std::ssize(frames) < count) frames.push_back(reader.next());
  return frames;
}

}  // namespace vdd::io
