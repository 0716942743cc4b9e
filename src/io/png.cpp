// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <bit>
#include <csetjmp>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <libdeflate.h>
#include <png.h>

#include "codecs.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"

// PNG. Reading is our own (libdeflate inflates twice as fast as the zlib behind libpng, and checks
// the exact size); libpng reads the kinds that no data set uses (interlaced, less than 8 bits) and
// writes.
namespace vdd::io {
namespace {

constexpr std::string_view kSignature = "\x89PNG\r\n\x1a\n";
enum ColorType { kGrey = 0, kRgb = 2, kPalette = 3, kGreyAlpha = 4, kRgbAlpha = 6 };

std::uint32_t big_endian(const char* p) {
  std::uint32_t value;
  std::memcpy(&value, p, 4);
  return __builtin_bswap32(value);
}

/// The parts of a PNG file, checksums verified; nothing inflated yet.
struct Png {
  int height = 0, width = 0, depth = 0, color = 0;
  bool interlaced = false;
  std::string_view palette;
  std::vector<std::string_view> data;

  int channels() const { return std::array{1, 0, 3, 1, 2, 0, 4}[static_cast<std::size_t>(color)]; }
};

Png parse(std::string_view bytes, const std::filesystem::path& path) {
  const auto refuse = [&](std::string_view reason) -> void {
    throw DataError(path, concat("bad PNG: ", reason));
  };
  Png png;
  std::size_t at = kSignature.size();
  for (bool first = true;; first = false) {
    if (bytes.size() - at < 12) refuse("the file is cut");
    const std::size_t length = big_endian(bytes.data() + at);
    const std::string_view type = bytes.substr(at + 4, 4);
    if (length > bytes.size() - at - 12) refuse("the file is cut");
    const std::string_view body = bytes.substr(at + 8, length);
    if (libdeflate_crc32(0, type.data(), length + 4) != big_endian(body.data() + length)) {
      refuse(concat("wrong checksum of chunk ", type));
    }
    at += length + 12;
    if (first != (type == "IHDR")) refuse("IHDR is not the first chunk");
    if (type == "IHDR") {
      if (length != 13) refuse("wrong length of IHDR");
      const std::uint32_t width = big_endian(body.data()), height = big_endian(body.data() + 4);
      check_pixels(height, width, path);
      png.width = static_cast<int>(width);
      png.height = static_cast<int>(height);
      png.depth = static_cast<unsigned char>(body[8]);
      png.color = static_cast<unsigned char>(body[9]);
      png.interlaced = body[12] != 0;
      if (png.color > 6 || png.channels() == 0 || body[10] != 0 || body[11] != 0 || body[12] > 1) {
        refuse("unknown kind in IHDR");
      }
    } else if (type == "PLTE") {
      png.palette = body;
    } else if (type == "IDAT") {
      png.data.push_back(body);
    } else if (type == "IEND") {
      break;
    } else if ((type[0] & 0x20) == 0) {
      refuse(concat("unknown critical chunk ", type));
    }
  }
  if (png.data.empty()) refuse("no IDAT");
  return png;
}

std::uint8_t paeth(int left, int up, int corner) {
  const int p = up - corner, q = left - corner;
  const int to_left = std::abs(p), to_up = std::abs(q), to_corner = std::abs(p + q);
  if (to_left <= to_up && to_left <= to_corner) return static_cast<std::uint8_t>(left);
  return static_cast<std::uint8_t>(to_up <= to_corner ? up : corner);
}

/// Undoes the filter of one row. `step`: bytes of a pixel, known when compiled so that the serial
/// loops stay in registers.
template <int step>
bool unfilter_row(int filter, std::uint8_t* row, const std::uint8_t* above, std::size_t bytes) {
  const auto add = [](int a, int b) { return static_cast<std::uint8_t>(a + b); };
  switch (filter) {
    case 0:
      return true;
    case 1:
      for (std::size_t i = step; i < bytes; ++i) row[i] = add(row[i], row[i - step]);
      return true;
    case 2:
      for (std::size_t i = 0; i < bytes; ++i) row[i] = add(row[i], above[i]);
      return true;
    case 3:
      for (std::size_t i = 0; i < step; ++i) row[i] = add(row[i], above[i] / 2);
      for (std::size_t i = step; i < bytes; ++i)
        row[i] = add(row[i], (row[i - step] + above[i]) / 2);
      return true;
    case 4: {
      int left[step] = {}, corner[step] = {};
      for (std::size_t i = 0; i < bytes; i += step) {
        for (std::size_t k = 0; k < step; ++k) {
          const int up = above[i + k];
          row[i + k] = add(row[i + k], paeth(left[k], up, corner[k]));
          left[k] = row[i + k];
          corner[k] = up;
        }
      }
      return true;
    }
    default:
      return false;
  }
}

bool unfilter(std::uint8_t* raw, const Png& png, std::size_t row_bytes) {
  const int step = png.channels() * png.depth / 8;
  const auto run = step == 1   ? unfilter_row<1>
                   : step == 2 ? unfilter_row<2>
                   : step == 3 ? unfilter_row<3>
                               : unfilter_row<4>;
  const std::vector<std::uint8_t> zeros(row_bytes);
  const std::uint8_t* above = zeros.data();
  for (int y = 0; y < png.height; ++y, raw += row_bytes + 1) {
    if (!run(raw[0], raw + 1, above, row_bytes)) return false;
    above = raw + 1;
  }
  return true;
}

/// Inflates all rows, each behind its filter byte, with the filters undone. The memory belongs to
/// the thread and lasts until its next call.
const std::uint8_t* inflate(const Png& png, std::size_t row_bytes,
                            const std::filesystem::path& path) {
  thread_local std::vector<std::uint8_t> raw;
  std::string joined;
  std::string_view stream = png.data.front();
  if (png.data.size() > 1) {
    for (const auto part : png.data) joined += part;
    stream = joined;
  }
  const std::size_t size = (row_bytes + 1) * static_cast<std::size_t>(png.height);
  // Deflate cannot shrink data to less than 1/1032.
  if (size / 1032 > stream.size()) throw DataError(path, "bad PNG: less data than its size needs");
  raw.resize(size);
  if (!inflate_exactly(stream.data(), stream.size(), raw.data(), size)) {
    throw DataError(path, "bad PNG: damaged or wrong amount of data");
  }
  if (!unfilter(raw.data(), png, row_bytes)) throw DataError(path, "bad PNG: unknown filter");
  return raw.data();
}

/// libpng's errors; its warnings too, apart from those about chunks that pixels do not depend on
/// (never read here).
struct PngReport {
  std::jmp_buf jump;
  char message[128];
};

[[noreturn]] void fail_png(png_structp png, png_const_charp message) {
  auto* report = static_cast<PngReport*>(png_get_error_ptr(png));
  std::strncpy(report->message, message, sizeof report->message - 1);
  std::longjmp(report->jump, 1);
}

struct Input {
  std::string_view bytes;
};

void take(png_structp png, png_bytep out, std::size_t n) {
  auto* input = static_cast<Input*>(png_get_io_ptr(png));
  if (n > input->bytes.size()) png_error(png, "the file is cut");
  std::memcpy(out, input->bytes.data(), n);
  input->bytes.remove_prefix(n);
}

class LibpngReader {
 public:
  LibpngReader()
      : png_(png_create_read_struct(PNG_LIBPNG_VER_STRING, &report_, fail_png, fail_png)) {
    if (png_ == nullptr) throw ResourceError("libpng: out of memory");
    info_ = png_create_info_struct(png_);
  }
  ~LibpngReader() { png_destroy_read_struct(&png_, &info_, nullptr); }

  bool read(std::string_view bytes, Image8& image, png_bytepp rows) {
    input_.bytes = bytes;
    if (setjmp(report_.jump)) return false;
    png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
    png_set_crc_action(png_, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    png_set_read_fn(png_, &input_, take);
    png_read_info(png_, info_);
    png_set_expand(png_);
    png_set_gray_to_rgb(png_);
    png_set_strip_alpha(png_);
    png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    if (png_get_rowbytes(png_, info_) != 3u * static_cast<unsigned>(image.width))
      png_error(png_, "unexpected kind");
    png_read_image(png_, rows);
    png_read_end(png_, nullptr);
    return true;
  }
  const char* message() const { return report_.message; }

 private:
  PngReport report_{};
  Input input_{};
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
};

class LibpngWriter {
 public:
  LibpngWriter()
      : png_(png_create_write_struct(PNG_LIBPNG_VER_STRING, &report_, fail_png, fail_png)) {
    if (png_ == nullptr) throw ResourceError("libpng: out of memory");
    info_ = png_create_info_struct(png_);
  }
  ~LibpngWriter() { png_destroy_write_struct(&png_, &info_); }

  bool write(int height, int width, int channels, int depth, int level, png_bytepp rows,
             std::string& out) {
    if (setjmp(report_.jump)) return false;
    png_set_write_fn(png_, &out, append, nullptr);
    png_set_compression_level(png_, level);
    png_set_IHDR(png_, info_, static_cast<png_uint_32>(width), static_cast<png_uint_32>(height),
                 depth, channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png_, info_);
    if (depth == 16 && std::endian::native == std::endian::little) png_set_swap(png_);
    png_write_image(png_, rows);
    png_write_end(png_, nullptr);
    return true;
  }
  const char* message() const { return report_.message; }

 private:
  static void append(png_structp png, png_bytep data, std::size_t n) {
    static_cast<std::string*>(png_get_io_ptr(png))->append(reinterpret_cast<const char*>(data), n);
  }

  PngReport report_{};
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
};

template <typename T>
std::vector<png_bytep> row_pointers(const Image<T>& image) {
  std::vector<png_bytep> rows;
  for (int y = 0; y < image.height; ++y) {
    rows.push_back(reinterpret_cast<png_bytep>(const_cast<T*>(image.row(y))));
  }
  return rows;
}

template <typename T>
std::string encode(const Image<T>& image, int level) {
  if ((image.channels != 1 && image.channels != 3) || image.size() == 0) {
    throw ShapeError(concat("PNG: wanted 1 or 3 channels and at least one pixel, got ",
                            image.height, 'x', image.width, 'x', image.channels));
  }
  auto rows = row_pointers(image);
  std::string bytes;
  LibpngWriter writer;
  if (!writer.write(image.height, image.width, image.channels, 8 * sizeof(T), level, rows.data(),
                    bytes)) {
    throw Error(concat("PNG encoder: ", writer.message()));
  }
  return bytes;
}

}  // namespace

bool is_png(std::string_view bytes) {
  return bytes.starts_with(kSignature);
}

bool inflate_exactly(const void* in, std::size_t in_bytes, void* out, std::size_t out_bytes) {
  struct Free {
    void operator()(libdeflate_decompressor* d) const { libdeflate_free_decompressor(d); }
  };
  thread_local const std::unique_ptr<libdeflate_decompressor, Free> decompressor(
      libdeflate_alloc_decompressor());
  if (!decompressor) throw ResourceError("libdeflate: out of memory");
  // Without a place for the true size, libdeflate accepts no other.
  return libdeflate_zlib_decompress(decompressor.get(), in, in_bytes, out, out_bytes, nullptr) ==
         LIBDEFLATE_SUCCESS;
}

Image8 decode_png(std::string_view bytes, const std::filesystem::path& path) {
  const Png png = parse(bytes, path);
  if (png.depth == 16) throw DataError(path, "16-bit PNG; wanted 8-bit RGB");
  Image8 image(png.height, png.width, 3);
  if (png.interlaced || png.depth != 8) {
    auto rows = row_pointers(image);
    LibpngReader reader;
    if (!reader.read(bytes, image, rows.data()))
      throw DataError(path, concat("bad PNG: ", reader.message()));
    return image;
  }
  const int channels = png.channels();
  const std::size_t row_bytes = static_cast<std::size_t>(png.width) * channels;
  const std::uint8_t* row = inflate(png, row_bytes, path);
  for (int y = 0; y < png.height; ++y, row += row_bytes + 1) {
    const std::uint8_t* in = row + 1;
    std::uint8_t* out = image.row(y);
    if (png.color == kRgb) {
      std::memcpy(out, in, row_bytes);
      continue;
    }
    for (int x = 0; x < png.width; ++x, in += channels, out += 3) {
      if (png.color == kRgbAlpha) {
        std::copy_n(in, 3, out);
      } else if (png.color == kPalette) {
        if (3u * (in[0] + 1u) > png.palette.size())
          throw DataError(path, "bad PNG: colour past its palette");
        std::copy_n(png.palette.data() + 3 * in[0], 3, reinterpret_cast<char*>(out));
      } else {
        std::fill_n(out, 3, in[0]);
      }
    }
  }
  return image;
}

Image16 decode_png16(std::string_view bytes, const std::filesystem::path& path) {
  if (!is_png(bytes)) throw DataError(path, "no PNG file");
  const Png png = parse(bytes, path);
  if (png.depth != 16 || png.color != kGrey || png.interlaced) {
    throw DataError(path, concat("PNG of ", png.depth, " bits and ", png.channels(), " channels",
                                 png.interlaced ? ", interlaced" : "", "; wanted 16-bit grey"));
  }
  Image16 image(png.height, png.width, 1);
  const std::size_t row_bytes = 2 * static_cast<std::size_t>(png.width);
  const std::uint8_t* row = inflate(png, row_bytes, path);
  for (int y = 0; y < png.height; ++y, row += row_bytes + 1) {
    std::uint16_t* out = image.row(y);
    for (int x = 0; x < png.width; ++x) {
      out[x] = static_cast<std::uint16_t>(row[1 + 2 * x] << 8 | row[2 + 2 * x]);
    }
  }
  return image;
}

std::string encode_png(const Image8& image, int level) {
  return encode(image, level);
}
std::string encode_png(const Image16& image, int level) {
  return encode(image, level);
}

}  // namespace vdd::io
