// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "vdd/eval/sequence.h"
#include "vdd/io/image.h"

// One opener a layout: fills the list of sequences, unsorted.
namespace vdd::eval {

namespace fs = std::filesystem;

DataSet open_bonn(const fs::path& root, const ReaderConfig& config);
DataSet open_depthcrafter(const fs::path& root, const ReaderConfig& config);
DataSet open_kitti(const fs::path& root, const ReaderConfig& config);
DataSet open_nyuv2(const fs::path& root, const ReaderConfig& config);
DataSet open_scannet(const fs::path& root, const ReaderConfig& config);
DataSet open_sintel(const fs::path& root, const ReaderConfig& config);
/// Virtual KITTI 2 and Hypersim, through the layer that training reads them with.
DataSet open_clips(const fs::path& root, const ReaderConfig& config);

// What the openers share.

/// Finds the first of the places below `root` that exists; empty if none does.
fs::path find_below(const fs::path& root, const std::vector<std::string>& places);
/// Lists the names in a folder that start with a prefix and end with a suffix, in natural order
/// ("2.png" before "10.png"), without both; nothing if there is no such folder.
std::vector<std::string> names_in(const fs::path& folder, const std::string& prefix,
                                  const std::string& suffix);
/// Sorts by natural order.
bool natural_less(const std::string& a, const std::string& b);
/// Lists the names that both sorted lists hold.
std::vector<std::string> common_names(const std::vector<std::string>& a,
                                      const std::vector<std::string>& b);

/// Returns a file below `folder` that a list names. Links are followed, but the name itself may not
/// lead out: `refuse`, which throws, is told the reason if it is empty, absolute, has a level `..`,
/// a backslash or a control character.
fs::path listed_file(const fs::path& folder, std::string_view name,
                     const std::function<void(std::string_view reason)>& refuse);

/// Reads rows of numbers separated by blanks; rows that start with # are left out. Throws DataError
/// naming the line.
std::vector<std::vector<double>> read_rows(const fs::path& file);
/// Reads float64 [rows,cols] of exactly that many numbers; infinities are kept.
at::Tensor read_matrix(const fs::path& file, std::int64_t rows, std::int64_t cols);

/// Throws DataError if an array with frames of so many pixels is larger than anybody's depth for
/// pictures of so many.
void check_frame_pixels(std::int64_t pixels, std::int64_t of_picture, const fs::path& file);
/// Copies a picture to uint8 [H,W,3].
at::Tensor to_tensor(const io::Image8& rgb);
/// Turns 16-bit numbers into metres, `per_metre` of them each; 0 is no measurement.
TrueDepth depth_of(const io::Image16& stored, double per_metre);
/// Returns intrinsics, float64 [3,3], without skew.
at::Tensor pinhole(double fx, double fy, double cx, double cy);
/// Returns the intrinsics of a picture at another size, scaled about pixel centres.
at::Tensor scaled_intrinsics(const at::Tensor& intrinsics_33, double scale_x, double scale_y);
/// Resizes uint8 [H,W,3] to uint8 [h,w,3], bilinear, averaging where it shrinks.
at::Tensor resized(const at::Tensor& rgb_HW3, std::int64_t height, std::int64_t width);

}  // namespace vdd::eval
