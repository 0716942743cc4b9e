// SPDX-License-Identifier: Apache-2.0
#include "video_file.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <mutex>
#include <string>
#include <utility>

extern "C" {
#include <libavutil/display.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
}

#include "codecs.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::io {
namespace {

namespace fs = std::filesystem;

constexpr const char* kContainers = "mov,matroska,avi";
/// What cameras, phones, editors and data sets put into these containers. FFmpeg knows some 200
/// more, of games and of the nineties, which nobody has hardened since.
constexpr const char* kCodecs =
    "h264,hevc,libdav1d,vp8,vp9,mpeg4,mpeg2video,mpeg1video,h263,msmpeg4v2,msmpeg4,mjpeg,prores,"
    "dnxhd,dvvideo,ffv1,huffyuv,ffvhuff,utvideo,qtrle,png,rawvideo,v210";
constexpr int kMaxStreams = 100;
/// Limit of one piece of memory: the widest picture of kMaxPixels is 192 MiB as RGB.
constexpr std::size_t kMaxPieceBytes = 256 << 20;
constexpr std::chrono::seconds kPatience{30};  // for opening, or for one packet

int refuse_to_open(AVFormatContext*, AVIOContext**, const char*, int, AVDictionary**) {
  return AVERROR(EPERM);
}

/// Turns the counter-clockwise angle of the file into clockwise quarter turns; 0 for anything else.
int quarter_turns(const AVStream& stream) {
  const std::uint8_t* matrix = av_stream_get_side_data(&stream, AV_PKT_DATA_DISPLAYMATRIX, nullptr);
  if (matrix == nullptr) return 0;
  std::int32_t values[9];
  std::memcpy(values, matrix, sizeof values);
  const double angle = av_display_rotation_get(values);
  const double turns = -angle / 90;
  if (!std::isfinite(turns) || std::abs(turns - std::round(turns)) > 0.5 / 90) return 0;
  return (static_cast<int>(std::round(turns)) + 4) % 4;
}

/// True if the planes of `frame` hold width x height pixels, more than are shown.
bool holds(const AVFrame& frame, int width, int height) {
  const auto format = static_cast<AVPixelFormat>(frame.format);
  const AVPixFmtDescriptor* about = av_pix_fmt_desc_get(format);
  if (about == nullptr || (about->flags & AV_PIX_FMT_FLAG_PAL)) return false;
  for (int plane = 0; plane < av_pix_fmt_count_planes(format); ++plane) {
    const AVBufferRef* buffer = av_frame_get_plane_buffer(const_cast<AVFrame*>(&frame), plane);
    const std::int64_t row = av_image_get_linesize(format, width, plane);
    const bool chroma = plane == 1 || plane == 2;
    const std::int64_t rows = chroma ? AV_CEIL_RSHIFT(height, about->log2_chroma_h) : height;
    if (buffer == nullptr || row < 0 || frame.linesize[plane] < row) return false;
    const auto left = static_cast<std::int64_t>(buffer->size) - (frame.data[plane] - buffer->data);
    if ((rows - 1) * frame.linesize[plane] + row > left) return false;
  }
  return true;
}

/// Copies the upper left corner of a picture with blue first, turned, with red first.
Image8 rgb_of(const AVFrame& bgr, int width, int height, int turns) {
  Image8 image = turns % 2 ? Image8(width, height, 3) : Image8(height, width, 3);
  for (int y = 0; y < height; ++y) {
    const std::uint8_t* in = bgr.data[0] + static_cast<std::ptrdiff_t>(y) * bgr.linesize[0];
    for (int x = 0; x < width; ++x, in += 3) {
      const int row = turns == 0 ? y : turns == 1 ? x : turns == 2 ? height - 1 - y : width - 1 - x;
      const int column = turns == 0   ? x
                         : turns == 1 ? height - 1 - y
                         : turns == 2 ? width - 1 - x
                                      : y;
      std::reverse_copy(in, in + 3, image.row(row) + 3 * column);
    }
  }
  return image;
}

}  // namespace

void ffmpeg::initialize() {
  static std::once_flag once;
  std::call_once(once, [] {
    av_log_set_level(AV_LOG_QUIET);
    av_max_alloc(kMaxPieceBytes);
  });
}

void* ffmpeg::checked(void* object) {
  if (object == nullptr) throw ResourceError("video: no memory");
  return object;
}

VideoFile::VideoFile(fs::path path) : file_(std::move(path)) {
  ffmpeg::initialize();
  check_mov_tables(file_);
  packet_.reset(ffmpeg::checked(av_packet_alloc()));
  frame_.reset(ffmpeg::checked(av_frame_alloc()));
  open();
}

int VideoFile::read(void* self, std::uint8_t* buffer, int bytes) {
  auto& file = *static_cast<VideoFile*>(self);
  if (std::chrono::steady_clock::now() > file.until_) return AVERROR_EXIT;
  ssize_t count = -1;
  do {
    count = ::pread(file.file_.descriptor(), buffer, static_cast<std::size_t>(bytes), file.at_);
  } while (count < 0 && errno == EINTR);
  if (count < 0) return AVERROR(errno);
  file.at_ += count;
  return count == 0 ? AVERROR_EOF : static_cast<int>(count);
}

std::int64_t VideoFile::move(void* self, std::int64_t offset, int whence) {
  auto& file = *static_cast<VideoFile*>(self);
  if (whence & AVSEEK_SIZE) return static_cast<std::int64_t>(file.file_.size());
  if (whence == SEEK_CUR) offset += file.at_;
  if (whence == SEEK_END) offset += static_cast<std::int64_t>(file.file_.size());
  if (offset < 0) return AVERROR(EINVAL);
  return file.at_ = offset;
}

void VideoFile::start_clock() {
  until_ = std::chrono::steady_clock::now() + kPatience;
}

void VideoFile::open() {
  decoder_.reset();
  demuxer_.reset();
  at_ = 0;
  ended_ = false;
  start_clock();
  open_demuxer();
  open_decoder();
}

void VideoFile::open_demuxer() {
  auto* buffer = static_cast<std::uint8_t*>(ffmpeg::checked(av_malloc(ffmpeg::kIoBytes)));
  io_.reset(avio_alloc_context(buffer, ffmpeg::kIoBytes, 0, this, read, nullptr, move));
  if (!io_) av_free(buffer);
  ffmpeg::checked(io_.get());
  AVFormatContext* context = ffmpeg::checked(avformat_alloc_context());
  context->pb = io_.get();
  context->io_open = refuse_to_open;
  context->format_whitelist = av_strdup(kContainers);
  context->codec_whitelist = av_strdup(kCodecs);
  context->max_streams = kMaxStreams;
  context->interrupt_callback = {
      [](void* self) {
        return std::chrono::steady_clock::now() > static_cast<VideoFile*>(self)->until_ ? 1 : 0;
      },
      this};
  // Frees the context if it fails. The name takes part in guessing the container.
  int status = avformat_open_input(&context, file_.path().filename().c_str(), nullptr, nullptr);
  if (status < 0) throw DataError(file_.path(), "no video that can be decoded");
  demuxer_.reset(context);
  // Checks the sizes that the header has: what follows forgets a size over its limit.
  for (unsigned i = 0; i < context->nb_streams; ++i) {
    const AVCodecParameters& header = *context->streams[i]->codecpar;
    if (header.width > 0 && header.height > 0)
      check_pixels(header.height, header.width, file_.path());
  }

  std::vector<AVDictionary*> options(context->nb_streams);
  for (auto& option : options) av_dict_set_int(&option, "max_pixels", kMaxPixels, 0);
  status = avformat_find_stream_info(context, options.data());
  for (auto& option : options) av_dict_free(&option);
  if (status < 0) throw DataError(file_.path(), "no video that can be decoded");

  stream_ = -1;
  for (unsigned i = 0; i < context->nb_streams; ++i) {
    AVStream* stream = context->streams[i];
    const bool video = stream->codecpar->codec_type == AVMEDIA_TYPE_VIDEO;
    if (video && stream_ < 0) {
      stream_ = static_cast<int>(i);
    } else {
      stream->discard = AVDISCARD_ALL;
    }
  }
  if (stream_ < 0) throw DataError(file_.path(), "no video that can be decoded");
  check_pixels(stream().codecpar->height, stream().codecpar->width, file_.path());
  turns_ = quarter_turns(stream());
}

void VideoFile::open_decoder() {
  const AVCodecParameters* parameters = stream().codecpar;
  const AVCodec* codec = avcodec_find_decoder(parameters->codec_id);
  decoder_.reset(ffmpeg::checked(avcodec_alloc_context3(codec)));
  decoder_->codec_whitelist = av_strdup(kCodecs);
  decoder_->max_pixels = kMaxPixels;
  decoder_->thread_count = 1;
  decoder_->err_recognition = AV_EF_EXPLODE | AV_EF_CRCCHECK;
  decoder_->pkt_timebase = stream().time_base;
  if (codec == nullptr || avcodec_parameters_to_context(decoder_.get(), parameters) < 0 ||
      avcodec_open2(decoder_.get(), codec, nullptr) < 0) {
    throw DataError(file_.path(), concat("no video that can be decoded: codec ",
                                         avcodec_get_name(parameters->codec_id)));
  }
}

double VideoFile::frames_per_second() const {
  const AVRational rate = stream().avg_frame_rate, tick = stream().time_base;
  if (rate.num > 0 && rate.den > 0) return av_q2d(rate);
  return tick.num > 0 && tick.den > 0 ? 1 / av_q2d(tick) : 0;
}

/// Reads the next whole packet of the video; false at the end.
bool VideoFile::read_packet() {
  do {
    av_packet_unref(packet_.get());
    start_clock();
    if (av_read_frame(demuxer_.get(), packet_.get()) < 0) return false;
  } while (packet_->stream_index != stream_);
  return !(packet_->flags & AV_PKT_FLAG_CORRUPT);
}

bool VideoFile::grab() {
  while (!ended_) {
    const int status = avcodec_receive_frame(decoder_.get(), frame_.get());
    if (status == 0) return true;
    ended_ = status != AVERROR(EAGAIN);
    if (ended_) break;
    const bool there = read_packet();  // no packet: the decoder gives what it holds
    ended_ = avcodec_send_packet(decoder_.get(), there ? packet_.get() : nullptr) < 0;
  }
  return false;
}

Image8 VideoFile::picture(std::int64_t number) {
  const std::string where = concat("frame ", number);
  const int width = stream().codecpar->width, height = stream().codecpar->height;
  if (!whole()) throw DataError(file_.path(), where, "is damaged");
  if (frame_->width != width || frame_->height != height) {
    throw DataError(file_.path(), where,
                    concat("has ", frame_->width, 'x', frame_->height, " pixels; the file says ",
                           width, 'x', height));
  }
  // FFmpeg's conversion to blue first is the one that everybody has used; to red first it rounds
  // deep colours in another way. Where the decoder's picture goes on to the right and below, the
  // conversion takes it all: it is another, faster one for even sizes.
  int all_width = decoder_->coded_width, all_height = decoder_->coded_height;
  if (all_width < width || all_height < height || !holds(*frame_, all_width, all_height))
    all_width = width, all_height = height;
  scaler_.reset(sws_getCachedContext(
      scaler_.release(), all_width, all_height, static_cast<AVPixelFormat>(frame_->format),
      all_width, all_height, AV_PIX_FMT_BGR24, SWS_BICUBIC, nullptr, nullptr, nullptr));
  if (!scaler_) throw DataError(file_.path(), where, "has pixels of an unknown kind");
  if (!bgr_ || bgr_->width != all_width || bgr_->height != all_height) {
    bgr_.reset(ffmpeg::checked(av_frame_alloc()));
    bgr_->format = AV_PIX_FMT_BGR24;
    bgr_->width = all_width;
    bgr_->height = all_height;
    if (av_frame_get_buffer(bgr_.get(), 32) < 0) throw ResourceError("video: no memory");
  }
  sws_scale(scaler_.get(), frame_->data, frame_->linesize, 0, all_height, bgr_->data,
            bgr_->linesize);
  return rgb_of(*bgr_, width, height, turns_);
}

double VideoFile::time() const {
  const std::int64_t start = stream().start_time == AV_NOPTS_VALUE ? 0 : stream().start_time;
  if (frame_->best_effort_timestamp == AV_NOPTS_VALUE) return std::nan("");
  return static_cast<double>(frame_->best_effort_timestamp - start) * av_q2d(stream().time_base);
}

}  // namespace vdd::io
