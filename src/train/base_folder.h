// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

namespace vdd::train {

/// How vdd.json in `checkpoint` (<run>/checkpoints/<name>) names the folder `model`: relative if it
/// lies in the run, so that runs can be moved.
inline std::string base_from(const std::filesystem::path& checkpoint,
                             const std::filesystem::path& model) {
  namespace fs = std::filesystem;
  const fs::path run = fs::absolute(checkpoint).lexically_normal().parent_path().parent_path();
  const fs::path target = fs::absolute(model).lexically_normal();
  const fs::path inside = target.lexically_relative(run);
  const bool outside = inside.empty() || *inside.begin() == "..";
  return outside ? target.string() : (fs::path("../..") / inside).string();
}

}  // namespace vdd::train
