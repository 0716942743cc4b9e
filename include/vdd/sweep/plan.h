// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vdd/config/writer.h"
#include "vdd/distill/distillation.h"
#include "vdd/eval/protocol.h"
#include "vdd/sweep/sweep_config.h"

namespace vdd::sweep {

/// A row with one of the seeds.
struct Run {
  std::size_t row;
  std::int64_t seed;
  std::shared_ptr<distill::Distillation> training = {};  ///< null: nothing is trained
  config::Leaves settings = {};                          ///< all settings of the training
  std::optional<std::size_t> student = {};               ///< the run that it starts from

  // What identify() fills in.
  std::vector<std::string> key = {};  ///< "name=value": all that determines the model
  std::string hash = {};              ///< SHA-256 of the key
  std::filesystem::path folder = {};  ///< folder of the training run, or of a model that is there

  std::filesystem::path model() const {
    return training ? folder / "checkpoints" / "best" : folder;
  }
};

struct Plan {
  std::string name;  ///< name of the file, without extension
  SweepConfig config;
  std::vector<eval::Protocol> protocols;  ///< those of config.evaluate
  std::vector<Run> runs;                  ///< seed by seed, in each the rows from top to bottom
};

/// Reads a table's file (changed by `overrides`) and the config of every row (changed by the
/// table's `set`, the row's, and `set`, in that order). Looks at no model and no data. Throws
/// ConfigError.
Plan load_plan(const std::filesystem::path& file, std::span<const std::string> overrides = {},
               std::span<const std::string> set = {});

/// Hashes of models and data sets on the disk, each computed once.
class Contents {
 public:
  std::string model(const std::filesystem::path& model, const std::filesystem::path& unet = {});
  std::string unet(const std::filesystem::path& folder);
  std::string data(const data::DataConfig& config);

 private:
  template <typename Hash>
  std::string once(const std::string& what, const Hash& hash);

  std::map<std::string, std::string> known_;
};

/// Fills key, hash and folder of every run, and points students and teacher caches into `output`: a
/// training run is <output>/cells/<program>-<first 12 digits of the hash>. Runs that would compute
/// the same have the same key, in whatever table. Throws what the readers of models and data throw.
void identify(Plan& plan, const std::filesystem::path& output, Contents& contents);

/// Names the file of a run's scores in `evaluation`, by all that determines them but the content of
/// the evaluation's data.
std::filesystem::path score_file(const Plan& plan, const Run& run, std::size_t evaluation,
                                 const std::filesystem::path& output);

/// Says how a run's model is scored.
predict::PredictorConfig predictor_of(const Plan& plan, const Run& run);

}  // namespace vdd::sweep
