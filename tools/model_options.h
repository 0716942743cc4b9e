// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "vdd/predict/predictor.h"
#include "vdd/tensor/device.h"

namespace vdd::tools {

/// What every command that runs a model is told about it.
struct ModelOptions {
  pipeline::LoadSpec spec;
  predict::PredictorConfig predictor;
  tensor::ComputeConfig torch;  ///< device and threads
  std::string dtype = "fp32", vae_dtype = "fp32";
};

/// An option for a whole number from `low` on.
void add_number(CLI::App& command, const char* name, std::int64_t& value, std::int64_t low,
                const char* help);

/// --dtype and --vae-dtype.
void add_dtypes(CLI::App& command, std::string& dtype, std::string& vae_dtype);

/// --model and all that says how it runs. Returns --model.
CLI::Option* add_model_options(CLI::App& command, ModelOptions& options);

/// Loads the model, with its content hashes, to the device of the options.
predict::Predictor make_predictor(ModelOptions options);

}  // namespace vdd::tools
