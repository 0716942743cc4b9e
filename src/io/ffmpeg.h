// SPDX-License-Identifier: Apache-2.0
#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libswscale/swscale.h>
}

#include <memory>

// FFmpeg's objects as owners.
namespace vdd::io::ffmpeg {

constexpr int kIoBytes = 64 << 10;  // of the buffer between FFmpeg and a file

template <auto kFree>
struct Release {
  template <typename T>
  void operator()(T* object) const {
    kFree(&object);
  }
};

inline void free_io(AVIOContext** io) {
  av_freep(static_cast<void*>(&(*io)->buffer));
  avio_context_free(io);
}
inline void free_scaler(SwsContext** scaler) {
  sws_freeContext(*scaler);
}

using Packet = std::unique_ptr<AVPacket, Release<av_packet_free>>;
using Frame = std::unique_ptr<AVFrame, Release<av_frame_free>>;
using Codec = std::unique_ptr<AVCodecContext, Release<avcodec_free_context>>;
using Io = std::unique_ptr<AVIOContext, Release<free_io>>;
using Scaler = std::unique_ptr<SwsContext, Release<free_scaler>>;
using Demuxer = std::unique_ptr<AVFormatContext, Release<avformat_close_input>>;

/// Keeps FFmpeg silent, since our errors name the file, and bounds each piece of memory it takes.
/// Both hold for the whole process.
void initialize();

/// Throws ResourceError if FFmpeg could not take memory for an object.
void* checked(void* object);
template <typename T>
T* checked(T* object) {
  return static_cast<T*>(checked(static_cast<void*>(object)));
}

}  // namespace vdd::io::ffmpeg
