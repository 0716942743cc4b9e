// SPDX-License-Identifier: Apache-2.0
#include "vdd/io/image.h"

#include <fcntl.h>
#include <stdio.h>

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "codecs.h"
#include "vdd/core/error.h"
#include "vdd/core/files.h"
#include "vdd/core/text.h"

namespace vdd::io {
namespace {

constexpr std::uint64_t kMaxFileBytes = 256 << 20;

void write_new(const std::filesystem::path& path, const std::string& bytes) {
  std::FILE* file = ::fdopen(open_to_append(path, O_TRUNC), "ab");
  const bool written = std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
  const int reason = errno;
  const bool closed = std::fclose(file) == 0;
  if (!written || !closed) {
    throw ResourceError(
        concat(escape(path.native()), ": cannot write: ", std::strerror(written ? errno : reason)));
  }
}

}  // namespace

void check_pixels(std::int64_t height, std::int64_t width, const std::filesystem::path& path) {
  if (height <= 0 || width <= 0 || height > kMaxPixels || width > kMaxPixels ||
      height * width > kMaxPixels) {
    throw DataError(path, concat("picture of ", width, 'x', height, "; the limit is ",
                                 kMaxPixels >> 20, " Mpixel"));
  }
}

Image8 decode_rgb(std::string_view bytes, const std::filesystem::path& path) {
  if (is_jpeg(bytes)) return decode_jpeg(bytes, path);
  if (is_png(bytes)) return decode_png(bytes, path);
  throw DataError(path, bytes.empty() ? "the file is empty"
                                      : concat("no JPEG or PNG file; it starts with \"",
                                               bytes.substr(0, 16), '"'));
}

Image8 read_rgb(const std::filesystem::path& path) {
  return decode_rgb(read_file(path, kMaxFileBytes), path);
}

Image16 read_png16(const std::filesystem::path& path) {
  return decode_png16(read_file(path, kMaxFileBytes), path);
}

Image<float> read_dpt(const std::filesystem::path& path) {
  const std::string bytes = read_file(path, kMaxFileBytes);
  struct {
    float tag;
    std::int32_t width, height;
  } header{};
  if (bytes.size() < sizeof header) throw DataError(path, "no .dpt file: shorter than its header");
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.tag != 202021.25f) throw DataError(path, "no .dpt file: wrong tag");
  check_pixels(header.height, header.width, path);
  const std::size_t wanted =
      sizeof header + 4 * static_cast<std::size_t>(header.height) * header.width;
  if (bytes.size() != wanted)
    throw DataError(path, concat("has ", bytes.size(), " bytes; its size needs ", wanted));
  Image<float> image(header.height, header.width, 1);
  std::memcpy(image.pixels.get(), bytes.data() + sizeof header, 4 * image.size());
  for (std::size_t i = 0; i < image.size(); ++i) {
    const float depth = image.pixels[i];
    if (!std::isfinite(depth) || depth < 0)
      throw DataError(path, concat("depth ", depth, " at pixel ", i));
  }
  return image;
}

void write_jpeg(const std::filesystem::path& path, const Image8& image, int quality) {
  write_new(path, encode_jpeg(image, quality));
}

void write_png(const std::filesystem::path& path, const Image8& image, int level) {
  write_new(path, encode_png(image, level));
}

void write_png(const std::filesystem::path& path, const Image16& image, int level) {
  write_new(path, encode_png(image, level));
}

}  // namespace vdd::io
