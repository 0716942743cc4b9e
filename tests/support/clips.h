// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <string>

#include "vdd/core/text.h"
#include "vdd/io/image.h"

namespace vdd::test {

/// Writes `sequences` folders of `frames` small PNG pictures, different ones in slow motion: what
/// data.kind `videos` reads.
inline void write_clips(const std::filesystem::path& root, int sequences, int frames, int height,
                        int width) {
  for (int s = 0; s < sequences; ++s) {
    const std::filesystem::path folder = root / concat("clip", s);
    std::filesystem::create_directories(folder);
    for (int t = 0; t < frames; ++t) {
      io::Image8 image(height, width, 3);
      for (int y = 0; y < height; ++y) {
        for (int x = 0; x < 3 * width; ++x) {
          const int column = x / 3, channel = x % 3;
          const double wave =
              std::sin(0.05 * (s + 2) * (column + 2 * t)) + std::cos(0.11 * (y - t) + channel + s);
          image.row(y)[x] = static_cast<std::uint8_t>(127.5 + 60 * wave);
        }
      }
      io::write_png(folder / concat("frame", 1000 + t, ".png"), image, 1);
    }
  }
}

}  // namespace vdd::test
