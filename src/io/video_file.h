// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "ffmpeg.h"
#include "vdd/core/files.h"
#include "vdd/io/image.h"

namespace vdd::io {

/// The first video stream of one mp4, mov, mkv, webm or avi file, whatever its name says. FFmpeg
/// opens nothing: it reads through a descriptor of a regular file, and only these containers and
/// the codecs listed in the source are taken. One thread decodes.
///
/// Frame n is the n-th in order of presentation, also where frames last unequally long.
class VideoFile {
 public:
  /// Throws DataError naming the file.
  explicit VideoFile(std::filesystem::path path);
  VideoFile(const VideoFile&) = delete;
  VideoFile& operator=(const VideoFile&) = delete;

  /// Sides as shown, after the rotation that the file asks for.
  int height() const { return turns_ % 2 ? stream().codecpar->width : stream().codecpar->height; }
  int width() const { return turns_ % 2 ? stream().codecpar->height : stream().codecpar->width; }
  /// Returns the mean rate, by the container.
  double frames_per_second() const;
  /// Returns how many frames the container names: a cut or damaged file holds fewer. Where the
  /// container has no list of them (Matroska, fragments), reads the file to its end.
  std::int64_t frames_named() { return std::ssize(times()); }
  /// True if all frames last equally long.
  bool constant_rate() { return times(), even_; }

  /// Goes to where grab() gives frame `number`, or fails if it is not there.
  void seek(std::int64_t number);
  /// Decodes the next frame. False at the end or at what cannot be decoded, and from then on, so
  /// that no later frame takes its place.
  bool grab();
  /// Returns the frame of the last grab() as 8-bit RGB. `number` names it in a DataError: damaged,
  /// or of another size than the file says.
  Image8 picture(std::int64_t number);
  /// True if the frame of the last grab() came without loss.
  bool whole() const { return frame_->decode_error_flags == 0 && !(frame_->flags & kCorrupt); }
  /// Seconds from the start of the stream to the last frame; NaN if the file does not say.
  double time() const;

 private:
  using Times = std::vector<std::int64_t>;
  static constexpr int kCorrupt = AV_FRAME_FLAG_CORRUPT;

  AVStream& stream() const { return *demuxer_->streams[stream_]; }
  void open();
  void open_demuxer();
  void open_decoder();
  void start_clock();
  bool read_packet();
  bool jump(std::int64_t number);
  const Times& times();
  Times scan();
  std::optional<std::int64_t> place_in_times();
  static int read(void* self, std::uint8_t* buffer, int bytes);
  static std::int64_t move(void* self, std::int64_t offset, int whence);

  RegularFile file_;
  std::int64_t at_ = 0;  ///< where FFmpeg reads next
  std::chrono::steady_clock::time_point until_;
  ffmpeg::Io io_;
  ffmpeg::Demuxer demuxer_;
  int stream_ = -1, turns_ = 0;  ///< clockwise quarter turns to show a frame
  ffmpeg::Codec decoder_;
  ffmpeg::Packet packet_;
  ffmpeg::Frame frame_, bgr_;
  ffmpeg::Scaler scaler_;
  bool ended_ = false;
  std::optional<Times> times_;    ///< in ticks, ascending: when to show or to decode frames
  bool even_ = true;              ///< times_ has equal steps
  std::int64_t first_place_ = 0;  ///< place of the first frame that can be decoded, in times_
};

/// Checks that no table of an mp4 or mov file names more samples than the file has bytes: FFmpeg
/// takes memory by these counts before it reads on. Throws DataError.
void check_mov_tables(const RegularFile& file);

}  // namespace vdd::io
