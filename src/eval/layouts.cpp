// SPDX-License-Identifier: Apache-2.0
#include "layouts.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstring>

#include "vdd/core/error.h"
#include "vdd/core/files.h"
#include "vdd/core/folders.h"
#include "vdd/core/text.h"

namespace vdd::eval {
namespace {

constexpr std::uint64_t kMaxTextBytes = 64 << 20;

}  // namespace

fs::path find_below(const fs::path& root, const std::vector<std::string>& places) {
  for (const auto& place : places) {
    const fs::path path = place.empty() ? root : root / place;
    if (path_exists(path)) return path;
  }
  return {};
}

bool natural_less(const std::string& a, const std::string& b) {
  const auto digit = [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; };
  std::size_t i = 0, k = 0;
  while (i < a.size() && k < b.size()) {
    if (!digit(a[i]) || !digit(b[k])) {
      if (a[i] != b[k]) return a[i] < b[k];
      ++i, ++k;
      continue;
    }
    const auto number = [&](const std::string& text, std::size_t& at) {
      while (at + 1 < text.size() && text[at] == '0' && digit(text[at + 1])) ++at;
      const std::size_t begin = at;
      while (at < text.size() && digit(text[at])) ++at;
      return text.substr(begin, at - begin);
    };
    const std::string x = number(a, i), y = number(b, k);
    if (x != y) return x.size() != y.size() ? x.size() < y.size() : x < y;
  }
  if ((a.size() - i) != (b.size() - k)) return a.size() - i < b.size() - k;
  return a < b;  // "1" and "01"
}

std::vector<std::string> names_in(const fs::path& folder, const std::string& prefix,
                                  const std::string& suffix) {
  std::vector<std::string> names;
  if (!is_folder(folder)) return names;
  for (const std::string& name : list_names(folder)) {
    if (name.size() > prefix.size() + suffix.size() && name.starts_with(prefix) &&
        name.ends_with(suffix))
      names.push_back(name.substr(prefix.size(), name.size() - prefix.size() - suffix.size()));
  }
  std::sort(names.begin(), names.end(), natural_less);
  return names;
}

std::vector<std::string> common_names(const std::vector<std::string>& a,
                                      const std::vector<std::string>& b) {
  std::vector<std::string> both;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both),
                        natural_less);
  return both;
}

fs::path listed_file(const fs::path& folder, std::string_view name,
                     const std::function<void(std::string_view reason)>& refuse) {
  const fs::path path = name;
  const bool odd =
      std::ranges::any_of(name, [](unsigned char c) { return c < 0x20 || c == 0x7F || c == '\\'; });
  if (name.empty() || odd || path.is_absolute() ||
      std::find(path.begin(), path.end(), "..") != path.end()) {
    refuse(concat("\"", name, "\" is no name of a file below ", folder.string()));
  }
  return folder / path;
}

std::vector<std::vector<double>> read_rows(const fs::path& file) {
  std::vector<std::vector<double>> rows;
  std::size_t line = 0;
  for (const std::string& text : split(read_file(file, kMaxTextBytes), '\n')) {
    ++line;
    if (trim(text).empty() || text.starts_with('#')) continue;
    std::vector<double> row;
    for (const std::string& cell : split(trim(text), ' ')) {
      if (trim(cell).empty()) continue;
      const auto value = parse_double(trim(cell));
      if (!value)
        throw DataError(file, concat("line ", line), concat('"', cell, "\" is no number"));
      row.push_back(*value);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

at::Tensor read_matrix(const fs::path& file, std::int64_t rows, std::int64_t cols) {
  const auto numbers = read_rows(file);
  at::Tensor matrix = at::empty({rows, cols}, at::kDouble);
  bool fits = std::ssize(numbers) == rows;
  for (std::size_t i = 0; fits && i < numbers.size(); ++i) {
    fits = std::ssize(numbers[i]) == cols;
    if (fits) {
      std::copy(numbers[i].begin(), numbers[i].end(),
                matrix.mutable_data_ptr<double>() + static_cast<std::int64_t>(i) * cols);
    }
  }
  if (!fits) throw DataError(file, concat("wanted ", rows, " rows of ", cols, " numbers"));
  return matrix;
}

void check_frame_pixels(std::int64_t pixels, std::int64_t of_picture, const fs::path& file) {
  constexpr std::int64_t kMost = 16;  // ScanNet's pictures have four times the pixels of its depth
  if (pixels / kMost > of_picture) {
    throw DataError(file, concat("frames of ", pixels, " pixels for pictures of ", of_picture,
                                 "; the limit is ", kMost, " times as many"));
  }
}

at::Tensor to_tensor(const io::Image8& rgb) {
  at::Tensor out = at::empty({rgb.height, rgb.width, 3}, at::kByte);
  std::memcpy(out.mutable_data_ptr<std::uint8_t>(), rgb.pixels.get(), rgb.size());
  return out;
}

TrueDepth depth_of(const io::Image16& stored, double per_metre) {
  TrueDepth depth{.depth_HW = at::empty({stored.height, stored.width}, at::kFloat),
                  .valid_HW = at::empty({stored.height, stored.width}, at::kBool)};
  float* metres = depth.depth_HW.mutable_data_ptr<float>();
  bool* valid = depth.valid_HW.mutable_data_ptr<bool>();
  for (std::size_t i = 0; i < stored.size(); ++i) {
    metres[i] = static_cast<float>(stored.pixels[i] / per_metre);
    valid[i] = stored.pixels[i] != 0;
  }
  return depth;
}

at::Tensor pinhole(double fx, double fy, double cx, double cy) {
  return at::tensor({fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0}, at::kDouble).reshape({3, 3});
}

at::Tensor scaled_intrinsics(const at::Tensor& intrinsics_33, double scale_x, double scale_y) {
  return at::tensor(
             {scale_x, 0.0, (scale_x - 1) / 2, 0.0, scale_y, (scale_y - 1) / 2, 0.0, 0.0, 1.0},
             at::kDouble)
      .reshape({3, 3})
      .matmul(intrinsics_33);
}

at::Tensor resized(const at::Tensor& rgb_HW3, std::int64_t height, std::int64_t width) {
  if (rgb_HW3.size(0) == height && rgb_HW3.size(1) == width) return rgb_HW3;
  const at::Tensor planes = rgb_HW3.permute({2, 0, 1}).unsqueeze(0).to(at::kFloat);
  return at::_upsample_bilinear2d_aa(planes, {height, width}, /*align_corners=*/false)
      .squeeze(0)
      .permute({1, 2, 0})
      .round()
      .clamp(0, 255)
      .to(at::kByte)
      .contiguous();
}

}  // namespace vdd::eval
