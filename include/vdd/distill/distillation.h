// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "vdd/distill/distiller.h"

namespace vdd::distill {

/// The training of one stage: all that the two have in common before they run. A config without a
/// teacher gets one with random weights, in <run>/teacher.
class Distillation : public train::Training {
 public:
  DistillConfig& config() override = 0;
  const DistillConfig& config() const override = 0;

  std::vector<std::string> free_keys() const override;
  void check_inputs() const override;
  std::unique_ptr<train::Task> make_task(train::Setup setup) const override;

  /// Names what the teacher gives besides latents; nothing in stage 1.
  virtual std::optional<DecoderMaps> decoder_maps() const { return std::nullopt; }
  virtual std::unique_ptr<Distiller> make_distiller(DistillerParts parts) const = 0;

  /// The teacher's folder: the config's, or random weights that are written to `fallback`.
  std::filesystem::path teacher_folder(const std::filesystem::path& fallback) const;
  /// The teacher in `folder`, behind a cache unless `cache_dir` is empty. Throws DataError.
  std::shared_ptr<Teacher> make_teacher(const std::filesystem::path& folder,
                                        const std::filesystem::path& cache_dir,
                                        torch::Device device,
                                        CacheUse use = CacheUse::kOptional) const;
};

template <typename Config>
using ConfiguredDistillation = train::ConfiguredTraining<Config, Distillation>;

}  // namespace vdd::distill
