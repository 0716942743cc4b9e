// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "vdd/io/image.h"

namespace vdd::io {

bool is_jpeg(std::string_view bytes);
bool is_png(std::string_view bytes);

Image8 decode_jpeg(std::string_view bytes, const std::filesystem::path& path);
Image8 decode_png(std::string_view bytes, const std::filesystem::path& path);

/// Throws DataError unless both sides are positive and no more than kMaxPixels come out.
void check_pixels(std::int64_t height, std::int64_t width, const std::filesystem::path& path);

/// Inflates exactly `out_bytes` bytes; false if the stream is damaged, shorter or longer.
bool inflate_exactly(const void* in, std::size_t in_bytes, void* out, std::size_t out_bytes);

}  // namespace vdd::io
