// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "vdd/io/video.h"

namespace vdd::predict {

/// One video: a file, a folder of frames or a picture.
struct Input {
  std::filesystem::path path;
  std::string name;  ///< name of its results: the file's or folder's without extension
  io::VideoInfo info;
};

/// Finds the videos that `paths` stand for, each opened once. A path is a video, a folder of frames
/// or a picture; a folder of those; or a .txt with one path a line, relative to the list (empty
/// lines and those that start with # do not count). A folder that holds pictures itself is one
/// video. Throws DataError naming what is no video, ConfigError for two videos of one name.
std::vector<Input> find_inputs(const std::vector<std::filesystem::path>& paths);

}  // namespace vdd::predict
