// SPDX-License-Identifier: Apache-2.0
#include "vdd/io/video.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <mutex>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/imgproc.hpp>
#include <opencv2/videoio.hpp>
#include <string_view>
#include <utility>

#include "codecs.h"
#include "vdd/core/error.h"
#include "vdd/core/files.h"
#include "vdd/core/folders.h"
#include "vdd/core/text.h"

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

/// OpenCV's and FFmpeg's own messages are switched off (ours name the file), threads of their own
/// too, and FFmpeg may open nothing but files: a playlist must not reach for the network.
void quiet() {
  static std::once_flag once;
  std::call_once(once, [] {
    ::setenv("OPENCV_FFMPEG_LOGLEVEL", "-8", 0);
    ::setenv("OPENCV_FFMPEG_CAPTURE_OPTIONS", "protocol_whitelist;file|threads;1", 0);
    ::setenv("OPENCV_FFMPEG_THREADS", "1", 0);
    cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
    cv::setNumThreads(1);
  });
}

cv::VideoCapture open_video(const fs::path& path) {
  quiet();
  // Refuses a FIFO, a folder, a missing file before FFmpeg could hang on it.
  const RegularFile regular(path);
  cv::VideoCapture video;
  if (!is_video_file(path) || !video.open(path.string(), cv::CAP_FFMPEG))
    throw DataError(path, "no video that can be decoded");
  const double height = video.get(cv::CAP_PROP_FRAME_HEIGHT),
               width = video.get(cv::CAP_PROP_FRAME_WIDTH);
  check_pixels(static_cast<std::int64_t>(height), static_cast<std::int64_t>(width), path);
  return video;
}

Image8 rgb_from_bgr(const cv::Mat& bgr) {
  Image8 image(bgr.rows, bgr.cols, 3);
  cv::Mat rgb(bgr.rows, bgr.cols, CV_8UC3, image.pixels.get());
  cv::cvtColor(bgr, rgb, cv::COLOR_BGR2RGB);
  return image;
}

/// The frames of a video whose frames are pictures; nothing for a video file.
std::vector<fs::path> picture_frames(const fs::path& path) {
  if (is_folder(path)) return list_frames(path);
  if (is_image_file(path)) return {path};
  return {};
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
  cv::VideoCapture video = open_video(path);
  VideoInfo info{.frames = static_cast<std::int64_t>(video.get(cv::CAP_PROP_FRAME_COUNT)),
                 .height = static_cast<int>(video.get(cv::CAP_PROP_FRAME_HEIGHT)),
                 .width = static_cast<int>(video.get(cv::CAP_PROP_FRAME_WIDTH)),
                 .frames_per_second = video.get(cv::CAP_PROP_FPS)};
  // The container's count may be an estimate. If its last frame is not there, count what can be
  // decoded.
  const bool trusted = info.frames > 0 &&
                       video.set(cv::CAP_PROP_POS_FRAMES, static_cast<double>(info.frames - 1)) &&
                       video.grab();
  if (!trusted) {
    video = open_video(path);
    for (info.frames = 0; video.grab();) ++info.frames;
  }
  if (info.frames == 0) throw DataError(path, "no frame can be decoded");
  return info;
}

struct VideoReader::State {
  fs::path path;
  std::int64_t at, stride;
  std::vector<fs::path> pictures;  ///< empty: a video file
  cv::VideoCapture video;
  std::int64_t ready;  ///< the frame that grab() gives next
  int height = 0, width = 0;

  Image8 picture() const {
    if (at >= std::ssize(pictures))
      throw DataError(path, concat("has only ", pictures.size(), " frames"));
    return read_rgb(pictures[static_cast<std::size_t>(at)]);
  }
  Image8 decoded() {
    const std::string where = concat("frame ", at);
    bool there = true;
    for (; there && ready <= at; ++ready) there = video.grab();
    cv::Mat bgr;
    if (!there || !video.retrieve(bgr)) throw DataError(path, where, "cannot be decoded");
    if (bgr.type() != CV_8UC3) throw DataError(path, where, "no 8-bit colour picture");
    return rgb_from_bgr(bgr);
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
  state_->video = open_video(path);
  if (start > 0) state_->video.set(cv::CAP_PROP_POS_FRAMES, static_cast<double>(start));
}

VideoReader::~VideoReader() = default;

Image8 VideoReader::next() {
  State& s = *state_;
  const bool pictures = !s.video.isOpened();
  Image8 image = pictures ? s.picture() : s.decoded();
  if (s.height == 0) s.height = image.height, s.width = image.width;
  if (image.height != s.height || image.width != s.width) {
    constexpr std::string_view reason = "another size than the frames before it";
    if (pictures) throw DataError(s.pictures[static_cast<std::size_t>(s.at)], reason);
    throw DataError(s.path, concat("frame ", s.at), reason);
  }
  s.at += s.stride;
  return image;
}

std::vector<Image8> read_video(const fs::path& path, std::int64_t start, std::int64_t count,
                               std::int64_t stride) {
  VideoReader reader(path, start, stride);
  std::vector<Image8> frames;
  while (std::ssize(frames) < count) frames.push_back(reader.next());
  return frames;
}

struct VideoWriter::State {
  fs::path path;
  int height, width;
  cv::VideoWriter writer;
};

VideoWriter::VideoWriter(const fs::path& path, int height, int width, double frames_per_second)
    : state_(new State{path, height, width, {}}) {
  quiet();
  const int code = lower_extension(path) == ".avi" ? cv::VideoWriter::fourcc('M', 'J', 'P', 'G')
                                                   : cv::VideoWriter::fourcc('m', 'p', '4', 'v');
  if (!state_->writer.open(path.string(), cv::CAP_FFMPEG, code, frames_per_second,
                           cv::Size(width, height))) {
    throw ResourceError(concat(escape(path.native()), ": cannot write a video"));
  }
}

VideoWriter::~VideoWriter() = default;

void VideoWriter::write(const Image8& rgb) {
  if (rgb.height != state_->height || rgb.width != state_->width || rgb.channels != 3) {
    throw ShapeError(concat("video of ", state_->width, 'x', state_->height, ": got a frame of ",
                            rgb.width, 'x', rgb.height, 'x', rgb.channels));
  }
  const cv::Mat view(rgb.height, rgb.width, CV_8UC3, rgb.pixels.get());
  cv::Mat bgr;
  cv::cvtColor(view, bgr, cv::COLOR_RGB2BGR);
  state_->writer.write(bgr);
}

void VideoWriter::close() {
  state_->writer.release();
  std::error_code error;
  if (fs::file_size(state_->path, error) == 0 || error) {
    throw ResourceError(concat(escape(state_->path.native()), ": cannot write a video"));
  }
}

}  // namespace vdd::io
