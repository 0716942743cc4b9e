// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

// Still images. The readers trust nothing: only regular files, the header is checked before memory
// is taken, and a decoder's warning (a cut JPEG, a wrong checksum) is an error. EXIF rotation is
// ignored, so that pixels stay as stored and RGB stays aligned with depth. All throw DataError
// naming the file.
namespace vdd::io {

/// Pixels in rows from the top, without padding; channels interleaved.
template <typename T>
struct Image {
  int height = 0, width = 0, channels = 0;
  std::unique_ptr<T[]> pixels;

  Image() = default;
  Image(int h, int w, int c)
      : height(h), width(w), channels(c), pixels(std::make_unique_for_overwrite<T[]>(size())) {}

  std::size_t size() const { return static_cast<std::size_t>(height) * width * channels; }
  const T* row(int y) const {
    return pixels.get() + static_cast<std::size_t>(y) * width * channels;
  }
  T* row(int y) { return pixels.get() + static_cast<std::size_t>(y) * width * channels; }
};
using Image8 = Image<std::uint8_t>;
using Image16 = Image<std::uint16_t>;

/// No decoder takes memory for more pixels than this.
inline constexpr std::int64_t kMaxPixels = 64 << 20;

/// Reads 8-bit RGB from a JPEG or a PNG, told apart by content. Grey becomes three equal channels,
/// alpha is dropped; 16-bit is refused.
Image8 read_rgb(const std::filesystem::path& path);
/// Reads a 16-bit grey PNG, values as stored (Virtual KITTI: centimetres; KITTI: 1/256 m; Bonn:
/// 1/5000 m).
Image16 read_png16(const std::filesystem::path& path);

/// Reads MPI Sintel's .dpt: metres as float. NaN, infinity and negative values are refused.
Image<float> read_dpt(const std::filesystem::path& path);

/// Decode bytes as read_rgb() and read_png16() decode files; `path` only names them in errors.
Image8 decode_rgb(std::string_view bytes, const std::filesystem::path& path);
Image16 decode_png16(std::string_view bytes, const std::filesystem::path& path);

/// Encodes as baseline JPEG, 4:2:0, quality 1..100. `image` has 1 or 3 channels.
std::string encode_jpeg(const Image8& image, int quality = 95);
/// Encode as PNG of 1 or 3 channels; `level` is zlib's 0..9. The same pixels give the same bytes.
std::string encode_png(const Image8& image, int level = 6);
std::string encode_png(const Image16& image, int level = 6);

/// Encode and write in place (no temporary name: whoever writes a data set does it in a staged
/// folder). Throw ResourceError.
void write_jpeg(const std::filesystem::path& path, const Image8& image, int quality = 95);
void write_png(const std::filesystem::path& path, const Image8& image, int level = 6);
void write_png(const std::filesystem::path& path, const Image16& image, int level = 6);

}  // namespace vdd::io
