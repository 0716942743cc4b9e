// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

// Checks for `vdd doctor`. Each reads one thing with the reader that training uses, throws what
// that throws, and returns one short line about what it found.
namespace vdd::pipeline {

/// A .safetensors file: header, every value finite.
std::string check_weights(const std::filesystem::path& file);
/// A *.safetensors.index.json and its shards: as check_weights, and that they agree.
std::string check_weights_index(const std::filesystem::path& file);
/// A config.json of a UNet, VAE, image encoder or head.
std::string check_model_config(const std::filesystem::path& file);
/// A model folder, a checkpoint, or the folder of one model: configs, that the weights fit them,
/// every value finite.
std::string check_model_folder(const std::filesystem::path& folder);

}  // namespace vdd::pipeline
