// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <string>

namespace vdd::pipeline {

struct ExportSpec {
  std::filesystem::path model;      ///< checkpoint or model folder
  std::filesystem::path unet = {};  ///< empty: the model's own
  std::filesystem::path base = {};  ///< where missing parts are; empty: where vdd.json says
  std::filesystem::path output;
  torch::Dtype dtype = torch::kFloat16;
  bool verify = true;
  bool overwrite = false;
};

struct ExportReport {
  std::int64_t tensors = 0;
  std::int64_t parameters = 0;
  std::int64_t bytes = 0;  ///< of the weights
  std::string unet_hash;   ///< tensor::content_hash of the UNet as written
};

/// Writes a complete folder that diffusers' from_pretrained reads, with vdd.json and the head if
/// there is one. The source must fit the models its configs describe. The folder appears under its
/// name only after everything was written and, with `verify`, read again and found equal. Memory:
/// one tensor. Throws DataError, NonFiniteError (a value is infinite in `dtype`), ResourceError,
/// VerificationError, ConfigError if `output` exists and may not be overwritten.
ExportReport export_diffusers(const ExportSpec& spec);

/// Compares the folder `written` with its source: configs equal, each tensor equal bit for bit to
/// the source's, converted to `dtype`; no tensor more. Throws VerificationError naming the first
/// difference.
void verify_export(const std::filesystem::path& written, const ExportSpec& spec);

}  // namespace vdd::pipeline
