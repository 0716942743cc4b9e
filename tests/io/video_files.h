// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "support/temp_dir.h"
#include "vdd/io/video.h"

// Small videos, and their bytes changed.
namespace vdd::io::test_videos {

/// One grey level a frame, which survives lossy coding.
inline Image8 frame(int i, int height = 64, int width = 96) {
  Image8 image(height, width, 3);
  std::fill_n(image.pixels.get(), image.size(), static_cast<std::uint8_t>(20 + 10 * i));
  return image;
}

/// The `i` of a frame.
inline int level(const Image8& image) {
  return (image.row(image.height / 2)[3 * (image.width / 2) + 1] - 15) / 10;
}

inline std::vector<int> levels(const std::vector<Image8>& frames) {
  std::vector<int> all;
  for (const auto& image : frames) all.push_back(level(image));
  return all;
}

/// Writes frames 0 to `frames` - 1 at 10 a second; the bytes.
inline std::string write_video(const std::filesystem::path& file, int frames) {
  VideoWriter writer(file, 64, 96, 10);
  for (int i = 0; i < frames; ++i) writer.write(frame(i % 20));
  writer.close();
  return test::content(file);
}

/// A number as `bytes` big-endian digits.
inline std::string big(std::uint64_t value, int bytes = 4) {
  std::string text;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    text += static_cast<char>(value >> shift & 255);
  return text;
}

inline std::string box(std::string_view type, std::string_view content) {
  return big(8 + content.size()) + std::string(type) + std::string(content);
}

inline std::uint64_t number_at(std::string_view bytes, std::size_t offset) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 4; ++i)
    value = value << 8 | static_cast<std::uint8_t>(bytes[offset + i]);
  return value;
}

/// `bytes` with the content of the box at `path`, such as {"moov", "trak", "tkhd"}, replaced by
/// what `change` makes of it. Offsets stay right as long as the box lies behind the frames.
template <typename Change>
std::string with_box(std::string_view bytes, std::vector<std::string_view> path, Change change) {
  for (std::size_t at = 0; at + 8 <= bytes.size(); at += number_at(bytes, at)) {
    if (bytes.substr(at + 4, 4) != path.front()) continue;
    const std::size_t length = number_at(bytes, at);
    const std::string_view content = bytes.substr(at + 8, length - 8);
    const std::string_view type = path.front();
    path.erase(path.begin());
    const std::string changed =
        path.empty() ? change(std::string(content)) : with_box(content, path, change);
    return std::string(bytes.substr(0, at)) + box(type, changed) +
           std::string(bytes.substr(at + length));
  }
  throw std::runtime_error("no such box");
}

inline const std::vector<std::string_view> kSampleTables = {"moov", "trak", "mdia", "minf", "stbl"};

inline std::vector<std::string_view> sample_table(std::string_view type) {
  auto path = kSampleTables;
  path.push_back(type);
  return path;
}

/// Without the edit list, which holds the duration once more.
inline std::string without_edits(std::string mp4) {
  return mp4.replace(mp4.find("edts"), 4, "skip");
}

/// An mp4 whose frame i lasts ticks[i] times as long as before.
inline std::string with_durations(const std::string& mp4, const std::vector<int>& ticks) {
  return with_box(without_edits(mp4), sample_table("stts"), [&](const std::string& old) {
    const std::uint64_t tick = number_at(old, 12);
    std::string table = big(0) + big(ticks.size());
    for (const int count : ticks) table += big(1) + big(tick * static_cast<std::uint64_t>(count));
    return table;
  });
}

}  // namespace vdd::io::test_videos
