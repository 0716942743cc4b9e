// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace vdd::io {

/// Reads the numbers of one real array of a MATLAB file of version 5 to 7 (not 7.3, which is HDF5),
/// in column order. Elements may be deflated; numbers may be stored in any type. Throws DataError:
/// no such file, array, or a damaged one.
std::vector<double> read_matlab_array(const std::filesystem::path& path, const std::string& name);

}  // namespace vdd::io
