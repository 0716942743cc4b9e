// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "vdd/data/dataset.h"
#include "vdd/losses/latent.h"
#include "vdd/metrics/depth.h"
#include "vdd/train/teacher.h"
#include "vdd/train/trainer.h"

namespace vdd::train {

/// Scores of student and teacher over the validation clips. Per clip: the parts of the latent loss;
/// with `depth` the mean absolute difference of the two decoded disparities (each min-max over the
/// clip) and, where the data set has depth, AbsRel and delta1 of both after a least-squares fit of
/// scale and shift in disparity. Metrics are named valid/<what>; the score is valid/loss.
class UnetValidation {
 public:
  /// All three outlive this object.
  UnetValidation(const ValidationConfig& config, const losses::LatentLossConfig& loss,
                 Teacher& teacher);

  /// student_TChw: its scaled latent, on the CPU. With `pictures` writes
  /// samples/step-NNNNNN-clip<k>.png.
  void add(const data::Clip& clip, const TeacherTarget& target, const torch::Tensor& student_TChw,
           std::int64_t step, const RunDir& run);
  /// Means over what was added.
  ValidationResult result() const;

 private:
  const ValidationConfig& config_;
  const losses::LatentLossConfig& loss_;
  Teacher& teacher_;
  std::int64_t clips_ = 0;
  double total_ = 0, difference_ = 0;
  std::vector<std::pair<std::string, double>> parts_;
  std::vector<metrics::DepthScores> student_, teacher_scores_;
  std::vector<std::pair<std::string, std::filesystem::path>> pictures_;
};

/// The clips of a validation: samples 0, 1, ... of this data set and seed.
struct ValidationData {
  std::shared_ptr<data::ClipDataset> dataset;  ///< null: none
  std::uint64_t seed = 0;
};

/// Held-out sequences, with depth if it is scored. If nothing is held out: the first samples of the
/// training, with a warning.
ValidationData validation_data(const ValidationConfig& config, const data::DataConfig& data,
                               std::int64_t train_seed);

}  // namespace vdd::train
