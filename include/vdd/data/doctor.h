// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

// What `vdd doctor` asks of data: each check uses the reader that training uses and returns one
// line about what it found, or throws DataError.
namespace vdd::data {

std::string check_image_rgb(const std::filesystem::path& file);
/// The three checks of depth also refuse a picture without a single valid depth.
std::string check_depth_png16(const std::filesystem::path& file);
std::string check_depth_hdf5(const std::filesystem::path& file);
std::string check_depth_dpt(const std::filesystem::path& file);
std::string check_split_csv(const std::filesystem::path& file);
std::string check_vkitti_intrinsic(const std::filesystem::path& file);
std::string check_vkitti_extrinsic(const std::filesystem::path& file);

struct DataSetReport {
  std::string summary;                ///< kind, place, sequences, frames, what the index left out
  std::int64_t frames = 0;            ///< frames that were read
  std::vector<std::string> problems;  ///< "<file>: <reason>", each unusable file
};

/// Tells whether find_sources() would find anything at `root`.
bool holds_data_set(const std::filesystem::path& root);
/// Reads every frame, with depth where there is any, of all data sets below `root`. Throws
/// DataError if there is none.
std::vector<DataSetReport> read_data_sets(const std::filesystem::path& root, int workers);
/// Reads all data sets below `root` and describes each in a line for people; throws DataError with
/// the first problem and their number.
std::string check_data_set(const std::filesystem::path& root);

}  // namespace vdd::data
