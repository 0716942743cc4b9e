// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <string>

#include "vdd/pipeline/model_folder.h"

namespace vdd::pipeline {

/// One model of a model folder, by what can be asked of all alike.
struct ModelPart {
  std::string name;              ///< its folder: "unet"
  std::string file;              ///< its weights
  std::filesystem::path source;  ///< where it is; empty: nowhere
  bool optional;                 ///< a model folder may be complete without it
  std::unique_ptr<tensor::TensorSource> (*open)(const std::filesystem::path& folder);
  /// Throws DataError if the weights do not fit the folder's config.
  void (*check)(const std::filesystem::path& folder, const tensor::TensorSource& weights);
  void (*copy_config)(const std::filesystem::path& from, const std::filesystem::path& to);
  /// The config in one form, for comparison.
  std::string (*config)(const std::filesystem::path& folder);
};

std::array<ModelPart, 4> parts_of(const ModelFolders& folders);

}  // namespace vdd::pipeline
