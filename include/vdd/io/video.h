// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "vdd/io/image.h"

// Plain videos: a file (mp4, mov, mkv, avi, webm, m4v), a folder of numbered JPEG or PNG frames, or
// one picture (a video of one frame).
namespace vdd::io {

bool is_video_file(const std::filesystem::path& path);  // by its extension
bool is_image_file(const std::filesystem::path& path);  // by its extension

/// Lists the JPEG and PNG files of a folder in natural order ("2.png" before "10.png").
std::vector<std::filesystem::path> list_frames(const std::filesystem::path& folder);

/// What a video holds.
struct VideoInfo {
  std::int64_t frames = 0;
  int height = 0, width = 0;
  double frames_per_second = 0;  ///< the mean; 0: frames that are pictures, which do not say
  bool constant_rate = true;     ///< false: frames last unequally long
};

/// Describes a video. Throws DataError if it cannot be opened or has no frame. `frames` is a count
/// of frames that can be decoded. Reads a Matroska file, which has no list of its frames, to the
/// end.
VideoInfo probe_video(const std::filesystem::path& path);

/// Reads frames start, start + stride, ... in order of presentation, all of one size, 8-bit RGB,
/// turned as the file asks for. Memory: one frame.
class VideoReader {
 public:
  /// Throws DataError if the video cannot be opened.
  explicit VideoReader(const std::filesystem::path& path, std::int64_t start = 0,
                       std::int64_t stride = 1);
  ~VideoReader();
  VideoReader(const VideoReader&) = delete;
  VideoReader& operator=(const VideoReader&) = delete;
  /// Reads the next frame. Throws DataError naming the frame: past the end, damaged, or of another
  /// size than the first.
  Image8 next();
  /// Seconds from the start of the video to the last frame given; NaN before the first, and where
  /// frames are pictures.
  double time() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Reads `count` frames into memory, as VideoReader gives them.
std::vector<Image8> read_video(const std::filesystem::path& path, std::int64_t start,
                               std::int64_t count, std::int64_t stride = 1);

/// Writes frames one after another, in place. The extension chooses the container: .avi (Motion
/// JPEG), else mp4 (MPEG-4 part 2). Of an odd size the last row or column is cut off.
class VideoWriter {
 public:
  /// Throws ResourceError, as all of its functions do, if the video cannot be written.
  VideoWriter(const std::filesystem::path& path, int height, int width, double frames_per_second);
  ~VideoWriter();
  VideoWriter(const VideoWriter&) = delete;
  VideoWriter& operator=(const VideoWriter&) = delete;
  /// Throws ShapeError for a frame of another size.
  void write(const Image8& rgb);
  /// Ends the file; a video without it is unusable.
  void close();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vdd::io
