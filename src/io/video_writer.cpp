// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "ffmpeg.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"
#include "vdd/io/video.h"

namespace vdd::io {
namespace {

namespace fs = std::filesystem;
using ffmpeg::checked;

constexpr int kMaxRate = 65535;  // MPEG-4's limit for both parts of a frame rate
constexpr int kGroup = 12;       // frames from one key frame to the next
constexpr int kMinQuantizer = 3;

void free_muxer(AVFormatContext** muxer) {
  avformat_free_context(*muxer);
}
using Muxer = std::unique_ptr<AVFormatContext, ffmpeg::Release<free_muxer>>;

ffmpeg::Frame new_frame(AVPixelFormat format, int width, int height) {
  ffmpeg::Frame frame(checked(av_frame_alloc()));
  frame->format = format;
  frame->width = width;
  frame->height = height;
  if (av_frame_get_buffer(frame.get(), 0) < 0) throw ResourceError("video: no memory");
  return frame;
}

}  // namespace

struct VideoWriter::State {
  fs::path path;
  int height, width;
  int descriptor = -1, error = 0;  ///< `error`: errno of the first write that failed
  std::int64_t at = 0, frames = 0;
  ffmpeg::Io io;
  Muxer muxer;
  ffmpeg::Codec encoder;
  ffmpeg::Frame bgr, yuv;
  ffmpeg::Packet packet;
  ffmpeg::Scaler scaler;

  State(fs::path file, int rows, int columns)
      : path(std::move(file)), height(rows), width(columns) {}
  ~State() {
    if (descriptor >= 0) ::close(descriptor);
  }

  static int write(void* self, std::uint8_t* bytes, int count) {
    auto& s = *static_cast<State*>(self);
    for (int done = 0; done < count;) {
      const ssize_t written =
          ::pwrite(s.descriptor, bytes + done, static_cast<std::size_t>(count - done), s.at);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) {
        if (s.error == 0) s.error = errno;
        return AVERROR(errno);
      }
      done += static_cast<int>(written);
      s.at += written;
    }
    return count;
  }

  static std::int64_t move(void* self, std::int64_t offset, int whence) {
    auto& s = *static_cast<State*>(self);
    if (whence == SEEK_CUR) offset += s.at;
    if (whence != SEEK_SET && whence != SEEK_CUR) return AVERROR(EINVAL);
    return s.at = offset;
  }

  [[noreturn]] void fail() const {
    throw ResourceError(concat(escape(path.native()), ": cannot write a video",
                               error == 0 ? "" : ": ", error == 0 ? "" : std::strerror(error)));
  }
  /// Throws ResourceError for a status of FFmpeg's that is an error, and after a failed write.
  void require(int status) const {
    if (status < 0 || error != 0) fail();
  }

  void open(double frames_per_second) {
    descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (descriptor < 0) {
      error = errno;
      fail();
    }
    const bool avi = is_avi();
    AVFormatContext* context = nullptr;
    require(avformat_alloc_output_context2(&context, nullptr, avi ? "avi" : "mp4", nullptr));
    muxer.reset(context);
    open_encoder(avi, frames_per_second);

    auto* buffer = static_cast<std::uint8_t*>(checked(av_malloc(ffmpeg::kIoBytes)));
    io.reset(avio_alloc_context(buffer, ffmpeg::kIoBytes, 1, this, nullptr, write, move));
    if (!io) av_free(buffer);
    muxer->pb = checked(io.get());
    AVStream* stream = checked(avformat_new_stream(muxer.get(), nullptr));
    stream->time_base = encoder->time_base;
    stream->avg_frame_rate = av_inv_q(encoder->time_base);
    require(avcodec_parameters_from_context(stream->codecpar, encoder.get()));
    require(avformat_write_header(muxer.get(), nullptr));
  }

  bool is_avi() const {
    const std::string extension = path.extension().string();
    return extension == ".avi" || extension == ".AVI";
  }

  /// MPEG-4 at two bits a pixel, Motion JPEG at six.
  void open_encoder(bool avi, double frames_per_second) {
    const AVCodec* codec = avcodec_find_encoder(avi ? AV_CODEC_ID_MJPEG : AV_CODEC_ID_MPEG4);
    encoder.reset(checked(avcodec_alloc_context3(codec)));
    if (codec == nullptr || !(frames_per_second > 0)) fail();
    encoder->codec_tag = avi ? MKTAG('M', 'J', 'P', 'G') : MKTAG('m', 'p', '4', 'v');
    encoder->width = width & ~1;
    encoder->height = height & ~1;
    encoder->pix_fmt = avi ? AV_PIX_FMT_YUVJ420P : AV_PIX_FMT_YUV420P;
    encoder->time_base = av_inv_q(av_d2q(std::min<double>(frames_per_second, kMaxRate), kMaxRate));
    const double bits = (avi ? 6. : 2.) * frames_per_second * encoder->width * encoder->height;
    encoder->bit_rate = static_cast<int>(std::min<double>(bits, std::numeric_limits<int>::max()));
    encoder->bit_rate_tolerance = static_cast<int>(encoder->bit_rate);
    encoder->qmin = kMinQuantizer;
    encoder->gop_size = kGroup;
    encoder->thread_count = 1;
    if (muxer->oformat->flags & AVFMT_GLOBALHEADER) encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    require(avcodec_open2(encoder.get(), codec, nullptr));

    bgr = new_frame(AV_PIX_FMT_BGR24, encoder->width, encoder->height);
    yuv = new_frame(encoder->pix_fmt, encoder->width, encoder->height);
    packet.reset(checked(av_packet_alloc()));
    scaler.reset(
        checked(sws_getContext(bgr->width, bgr->height, AV_PIX_FMT_BGR24, yuv->width, yuv->height,
                               encoder->pix_fmt, SWS_BICUBIC, nullptr, nullptr, nullptr)));
  }

  /// Writes what the encoder makes of a frame; without one, what it still holds.
  void encode(const AVFrame* frame) {
    require(avcodec_send_frame(encoder.get(), frame));
    for (;;) {
      const int status = avcodec_receive_packet(encoder.get(), packet.get());
      if (status == AVERROR(EAGAIN) || status == AVERROR_EOF) return;
      require(status);
      av_packet_rescale_ts(packet.get(), encoder->time_base, muxer->streams[0]->time_base);
      require(av_write_frame(muxer.get(), packet.get()));
    }
  }
};

VideoWriter::VideoWriter(const fs::path& path, int height, int width, double frames_per_second)
    : state_(new State(path, height, width)) {
  ffmpeg::initialize();
  state_->open(frames_per_second);
}

VideoWriter::~VideoWriter() = default;

void VideoWriter::write(const Image8& rgb) {
  State& s = *state_;
  if (rgb.height != s.height || rgb.width != s.width || rgb.channels != 3) {
    throw ShapeError(concat("video of ", s.width, 'x', s.height, ": got a frame of ", rgb.width,
                            'x', rgb.height, 'x', rgb.channels));
  }
  // FFmpeg has a conversion of its own for blue first.
  for (int y = 0; y < s.bgr->height; ++y) {
    const std::uint8_t* in = rgb.row(y);
    std::uint8_t* out = s.bgr->data[0] + static_cast<std::ptrdiff_t>(y) * s.bgr->linesize[0];
    for (int x = 0; x < s.bgr->width; ++x, in += 3, out += 3)
      out[0] = in[2], out[1] = in[1], out[2] = in[0];
  }
  s.require(av_frame_make_writable(s.yuv.get()));
  sws_scale(s.scaler.get(), s.bgr->data, s.bgr->linesize, 0, s.bgr->height, s.yuv->data,
            s.yuv->linesize);
  s.yuv->pts = s.frames++;
  s.encode(s.yuv.get());
}

void VideoWriter::close() {
  State& s = *state_;
  s.encode(nullptr);
  s.require(av_write_trailer(s.muxer.get()));
  avio_flush(s.io.get());
  s.require(s.io->error);
  if (::close(std::exchange(s.descriptor, -1)) != 0) {
    s.error = errno;
    s.fail();
  }
}

}  // namespace vdd::io
