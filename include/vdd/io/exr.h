// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "vdd/io/image.h"

// OpenEXR pictures with one channel of numbers, as depth is stored.
namespace vdd::io {

/// Reads the only channel, or of several the first there is of Y, Z, depth and V; half and float
/// come as float, NaN and infinity as stored. Throws DataError: no EXR, too large, deep samples, no
/// such channel, a channel of integers or at a lower resolution, damaged.
Image<float> read_exr(const std::filesystem::path& path);

/// Writes channel Y, 32-bit float, ZIP compression: lossless, and the same bytes for the same
/// numbers. Writes in place, as write_png does. Throws ResourceError.
void write_exr(const std::filesystem::path& path, const Image<float>& image);

}  // namespace vdd::io
