// SPDX-License-Identifier: Apache-2.0
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <jpeglib.h>

#include "codecs.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::io {
namespace {

// A progressive file may repeat its scans without end; a real one has about ten.
constexpr int kMaxScans = 128;

/// Limit of the coefficients of a whole picture, which all but baseline files of one scan need: 64
/// Mpixel at 4:2:0, 44 Mpixel without subsampling.
constexpr std::size_t kMaxCoefficientBytes = 256 << 20;

/// libjpeg reports through these. A warning means that pixels were made up, so it is an error too.
struct JpegReport {
  jpeg_error_mgr manager;
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
};

[[noreturn]] void fail_jpeg(j_common_ptr codec) {
  auto* report = reinterpret_cast<JpegReport*>(codec->err);
  codec->err->format_message(codec, report->message);
  std::longjmp(report->jump, 1);
}

void fail_on_warning(j_common_ptr codec, int level) {
  if (level < 0) fail_jpeg(codec);
}

void limit_scans(j_common_ptr codec) {
  auto* report = reinterpret_cast<JpegReport*>(codec->err);
  if (reinterpret_cast<j_decompress_ptr>(codec)->input_scan_number <= kMaxScans) return;
  std::strcpy(report->message, "too many scans");
  std::longjmp(report->jump, 1);
}

jpeg_error_mgr* install(JpegReport& report) {
  jpeg_std_error(&report.manager);
  report.manager.error_exit = fail_jpeg;
  report.manager.emit_message = fail_on_warning;
  report.message[0] = 0;
  return &report.manager;
}

/// Owns what libjpeg needs for one picture. Between setjmp and the end of a C call chain no object
/// with a destructor may come to life, hence the small functions below.
class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : bytes_(bytes) {
    codec_.err = install(report_);
    progress_.progress_monitor = limit_scans;
  }
  ~Decoder() { jpeg_destroy_decompress(&codec_); }

  bool read_header() {
    if (setjmp(report_.jump)) return false;
    jpeg_create_decompress(&codec_);
    codec_.progress = &progress_;
    jpeg_mem_src(&codec_, reinterpret_cast<const unsigned char*>(bytes_.data()), bytes_.size());
    jpeg_read_header(&codec_, TRUE);
    return true;
  }

  bool read_pixels(Image8& image) {
    if (setjmp(report_.jump)) return false;
    codec_.out_color_space = JCS_RGB;
    jpeg_start_decompress(&codec_);
    while (codec_.output_scanline < codec_.output_height) {
      JSAMPROW rows[4];
      for (int i = 0; i < 4; ++i) {
        const int y = static_cast<int>(codec_.output_scanline) + i;
        rows[i] = image.row(y < image.height ? y : image.height - 1);
      }
      jpeg_read_scanlines(&codec_, rows, 4);
    }
    jpeg_finish_decompress(&codec_);
    return true;
  }

  /// Returns the memory that the library takes besides the pixels.
  std::size_t coefficient_bytes() {
    std::size_t blocks = 0;
    if (jpeg_has_multiple_scans(&codec_)) {
      for (int i = 0; i < codec_.num_components; ++i) {
        blocks +=
            std::size_t{codec_.comp_info[i].width_in_blocks} * codec_.comp_info[i].height_in_blocks;
      }
    }
    return blocks * DCTSIZE2 * sizeof(JCOEF);
  }

  const jpeg_decompress_struct& header() const { return codec_; }
  const char* message() const { return report_.message; }

 private:
  std::string_view bytes_;
  jpeg_decompress_struct codec_{};
  jpeg_progress_mgr progress_{};
  JpegReport report_{};
};

class Encoder {
 public:
  Encoder() { codec_.err = install(report_); }
  ~Encoder() {
    jpeg_destroy_compress(&codec_);
    std::free(bytes_);
  }

  bool encode(const Image8& image, int quality) {
    if (setjmp(report_.jump)) return false;
    jpeg_create_compress(&codec_);
    jpeg_mem_dest(&codec_, &bytes_, &size_);
    codec_.image_width = static_cast<JDIMENSION>(image.width);
    codec_.image_height = static_cast<JDIMENSION>(image.height);
    codec_.input_components = image.channels;
    codec_.in_color_space = image.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(&codec_);
    jpeg_set_quality(&codec_, quality, TRUE);
    jpeg_start_compress(&codec_, TRUE);
    while (codec_.next_scanline < codec_.image_height) {
      JSAMPROW row = const_cast<JSAMPROW>(image.row(static_cast<int>(codec_.next_scanline)));
      jpeg_write_scanlines(&codec_, &row, 1);
    }
    jpeg_finish_compress(&codec_);
    return true;
  }

  std::string bytes() const { return {reinterpret_cast<const char*>(bytes_), size_}; }
  const char* message() const { return report_.message; }

 private:
  jpeg_compress_struct codec_{};
  JpegReport report_{};
  unsigned char* bytes_ = nullptr;
  unsigned long size_ = 0;
};

}  // namespace

bool is_jpeg(std::string_view bytes) {
  return bytes.starts_with("\xFF\xD8\xFF");
}

Image8 decode_jpeg(std::string_view bytes, const std::filesystem::path& path) {
  Decoder decoder(bytes);
  if (!decoder.read_header()) throw DataError(path, concat("bad JPEG: ", decoder.message()));
  const auto& header = decoder.header();
  check_pixels(header.image_height, header.image_width, path);
  if (header.num_components != 1 && header.num_components != 3) {
    throw DataError(path,
                    concat("JPEG with ", header.num_components, " channels; wanted grey or RGB"));
  }
  if (decoder.coefficient_bytes() > kMaxCoefficientBytes) {
    throw DataError(path,
                    concat("progressive JPEG of ", header.image_width, 'x', header.image_height,
                           " that needs more than ", kMaxCoefficientBytes >> 20, " MiB to decode"));
  }
  Image8 image(static_cast<int>(header.image_height), static_cast<int>(header.image_width), 3);
  if (!decoder.read_pixels(image)) throw DataError(path, concat("bad JPEG: ", decoder.message()));
  return image;
}

std::string encode_jpeg(const Image8& image, int quality) {
  if ((image.channels != 1 && image.channels != 3) || image.size() == 0) {
    throw ShapeError(concat("JPEG: wanted 1 or 3 channels and at least one pixel, got ",
                            image.height, 'x', image.width, 'x', image.channels));
  }
  Encoder encoder;
  if (!encoder.encode(image, quality)) throw Error(concat("JPEG encoder: ", encoder.message()));
  return encoder.bytes();
}

}  // namespace vdd::io
